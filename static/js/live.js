/*
  Live parts: an element with id, data-live-url and data-live-version asks `url?version=N` every few seconds.
  204: nothing new. 200: a fragment whose root has the same id; it replaces the element and carries the new version.
  A hidden tab does not ask. A part in which somebody types or has a menu open is replaced when they are done.
*/
import { announce, contentArrived, onContent, all, senderOf } from "./page.js";

const DEFAULT_INTERVAL_S = 3;
const LONGEST_WAIT_S = 60;
const ANSWER_WITHIN_MS = 10000;

class LivePart {
  constructor(element) {
    this.id = element.id;
    this.failures = 0;
    this.lastAnswer = new Date();
    this.waiting = null;
    this.timer = null;
    this.asking = false;
    this.schedule();
  }

  get element() {
    return document.getElementById(this.id);
  }

  schedule(seconds = this.pauseSeconds()) {
    clearTimeout(this.timer);
    if (this.element?.dataset.liveUrl) this.timer = setTimeout(() => this.ask(), seconds * 1000);
    else parts.delete(this.id);
  }

  pauseSeconds() {
    const interval = Number(this.element?.dataset.liveInterval) || DEFAULT_INTERVAL_S;
    if (!this.failures) return interval;
    // Backoff with jitter, so that a restarted server is not met by everybody in the same second.
    return Math.min(LONGEST_WAIT_S, interval * 2 ** this.failures) * (0.75 + Math.random() / 2);
  }

  async ask() {
    const element = this.element;
    if (!element || document.hidden || this.asking) return this.schedule();
    this.asking = true;
    const url = new URL(element.dataset.liveUrl, location.href);
    url.searchParams.set("version", element.dataset.liveVersion);
    try {
      const answer = await fetch(url, {
        headers: { "HX-Request": "true", "X-Requested-With": "XMLHttpRequest" },
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
        cache: "no-store",
      });
      if (answer.redirected && new URL(answer.url).pathname.startsWith("/accounts/")) return this.stop("signed-out");
      if (answer.status === 401 || answer.status === 403) return this.stop("signed-out");
      if (answer.status === 404 || answer.status === 410) return this.stop("gone");
      if (!answer.ok) throw new Error(`answered ${answer.status}`);
      const text = answer.status === 204 ? "" : await answer.text();
      this.heard();
      if (text) this.receive(text);
    } catch {
      this.failures += 1;
      // One lost answer is not worth a word; the next one is.
      if (this.failures > 1) showConnection(this.lastAnswer);
    } finally {
      this.asking = false;
    }
    return this.schedule();
  }

  heard() {
    if (this.failures > 1) hideConnection();
    this.failures = 0;
    this.lastAnswer = new Date();
  }

  stop(reason) {
    clearTimeout(this.timer);
    parts.delete(this.id);
    showStopped(reason);
  }

  receive(text) {
    const parsed = new DOMParser().parseFromString(text, "text/html");
    const fresh = parsed.getElementById(this.id);
    if (fresh) this.replace(document.adoptNode(fresh));
  }

  replace(fresh) {
    const old = this.element;
    if (!old) return;
    if (isBusy(old)) {
      // The newest answer is kept and shown as soon as they are done.
      this.waiting = fresh;
      clearInterval(this.waitingTimer);
      this.waitingTimer = setInterval(() => {
        if (this.element && isBusy(this.element)) return;
        clearInterval(this.waitingTimer);
        const held = this.waiting;
        this.waiting = null;
        if (held && this.element) this.replace(held);
      }, 500);
      return;
    }
    this.waiting = null;
    const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
    for (const details of old.querySelectorAll("details[open][id]")) {
      fresh.querySelector(`details#${CSS.escape(details.id)}`)?.setAttribute("open", "");
    }
    const changes = changedStates(old, fresh);
    old.replaceWith(fresh);
    contentArrived(fresh);
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    for (const element of changes) element.dataset.justChanged = "";
    if (changes.length) announce(changes.map((element) => element.dataset.liveLabel).filter(Boolean).join(". "));
  }
}

function isBusy(element) {
  if (element.querySelector("dialog[open], :popover-open, [data-changed-by-hand]")) return true;
  const active = document.activeElement;
  return element.contains(active) && active.matches("input:not([type=checkbox], [type=radio]), textarea, select");
}

function changedStates(old, fresh) {
  const before = new Map(all(old, "[data-live-key]").map((element) => [element.dataset.liveKey, element.dataset.state]));
  return all(fresh, "[data-live-key]").filter(
    (element) => !before.has(element.dataset.liveKey) || before.get(element.dataset.liveKey) !== element.dataset.state,
  );
}

function connectionLine() {
  let line = document.getElementById("connection");
  if (!line) {
    line = document.createElement("p");
    line.id = "connection";
    line.className = "connection";
    line.setAttribute("role", "status");
    document.getElementById("content")?.before(line);
  }
  return line;
}

function showConnection(lastAnswer) {
  const at = lastAnswer.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const text = `Connection lost. What you see is from ${at}; trying again by itself.`;
  const line = connectionLine();
  if (line.textContent !== text) line.textContent = text;
}

function hideConnection() {
  document.getElementById("connection")?.remove();
  announce("Connected again, up to date.");
}

function showStopped(reason) {
  const line = connectionLine();
  line.textContent =
    reason === "gone" ? "This page is no longer there. " : "You are signed out, so this page no longer updates. ";
  const link = document.createElement("a");
  link.href = location.href;
  link.textContent = "Reload";
  line.append(link);
}

const parts = new Map();

export function start() {
  onContent((root) => {
    for (const element of all(root, "[data-live-url][id]")) {
      if (!parts.has(element.id)) parts.set(element.id, new LivePart(element));
    }
  });
  // A form somebody has begun to fill in is not replaced until it was sent or emptied.
  document.addEventListener("input", (event) => {
    const control = event.target;
    if (!isTextual(control) || !control.closest("[data-live-url]")) return;
    if (control.value === control.defaultValue) delete control.dataset.changedByHand;
    else control.dataset.changedByHand = "";
  });
  // Once sent, the words are the server's: the part may be replaced again.
  const release = (form) => all(form, "[data-changed-by-hand]").forEach((control) => delete control.dataset.changedByHand);
  document.addEventListener("reset", (event) => release(event.target));
  document.addEventListener("htmx:afterRequest", (event) => event.detail.successful && release(senderOf(event)));
  const now = () => document.hidden || parts.forEach((part) => part.schedule(0));
  document.addEventListener("visibilitychange", now);
  window.addEventListener("online", now);
}

function isTextual(control) {
  return control instanceof HTMLTextAreaElement || (control instanceof HTMLInputElement && "defaultValue" in control);
}
