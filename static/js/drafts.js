/*
  Forms with data-draft-key keep what is typed in this browser until the server has it.

  A draft is forgotten when the server answered the form: by another page that came straight from it (a redirect after
  saving), or by an htmx answer; in both cases only if the form is not shown again with errors. Whatever else happens
  (no connection, closed tab, expired session), the draft is offered back.
*/
import { all, onContent, senderOf } from "./page.js";
import { forgetChanges } from "./forms.js";

const PREFIX = "hindsight-draft:";
const SENT = "hindsight-draft-sent";
const KEEP_MS = 30 * 24 * 3600 * 1000;
const PAUSE_MS = 400;

function read(storage, key) {
  try {
    return JSON.parse(storage.getItem(key));
  } catch {
    return null;
  }
}

function write(storage, key, value) {
  try {
    storage.setItem(key, JSON.stringify(value));
  } catch {
    // Full or refused: typing goes on without a net.
  }
}

function controls(form) {
  return [...form.elements].filter(
    (control) =>
      control.name &&
      control.name !== "csrfmiddlewaretoken" &&
      !["password", "file", "hidden", "submit", "button"].includes(control.type) &&
      !/one-time-code|password/.test(control.autocomplete || ""),
  );
}

function valuesOf(form) {
  const values = {};
  for (const control of controls(form)) {
    if (control.type === "checkbox" || control.type === "radio") {
      values[`${control.name}=${control.value}`] = control.checked;
    } else if (control instanceof HTMLSelectElement && control.multiple) {
      values[control.name] = [...control.selectedOptions].map((option) => option.value);
    } else {
      values[control.name] = control.value;
    }
  }
  return values;
}

function restore(form, values) {
  for (const control of controls(form)) {
    const key = control.type === "checkbox" || control.type === "radio" ? `${control.name}=${control.value}` : control.name;
    if (!(key in values)) continue;
    if (typeof values[key] === "boolean") control.checked = values[key];
    else if (Array.isArray(values[key])) {
      for (const option of control.options) option.selected = values[key].includes(option.value);
    } else control.value = values[key];
    control.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
const wasRefused = (form) => Boolean(form?.querySelector("[aria-invalid=true], .errorlist, .error-summary, .composer-error"));
const formOf = (key) => document.querySelector(`form[data-draft-key="${CSS.escape(key)}"]`);

function forget(key) {
  localStorage.removeItem(PREFIX + key);
}

function offer(form, draft) {
  const line = document.createElement("div");
  line.className = "draft-offer";
  line.setAttribute("role", "status");
  const at = new Date(draft.at);
  const when = at.toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const text = document.createElement("span");
  const older = draft.version && form.dataset.draftVersion && draft.version !== form.dataset.draftVersion;
  text.textContent = older
    ? `You typed something here on ${when} that was not saved; the saved text has changed since.`
    : `You typed something here on ${when} that was not saved.`;
  line.append(text);
  for (const [words, act] of [
    ["Restore", () => restore(form, draft.values)],
    ["Discard", () => forget(form.dataset.draftKey)],
  ]) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button button--small";
    button.textContent = words;
    button.addEventListener("click", () => {
      act();
      line.remove();
      controls(form)[0]?.focus();
    });
    line.append(button);
  }
  form.before(line);
}

function prepare(form) {
  if (form.dataset.draftReady) return;
  form.dataset.draftReady = "yes";
  const key = form.dataset.draftKey;
  const shown = valuesOf(form);
  const draft = read(localStorage, PREFIX + key);
  if (draft) {
    if (same(draft.values, shown) || Date.now() - draft.at > KEEP_MS) wasRefused(form) || forget(key);
    else offer(form, draft);
  }
  let timer;
  const keep = () => {
    clearTimeout(timer);
    const values = valuesOf(form);
    if (same(values, shown)) forget(key);
    else write(localStorage, PREFIX + key, { at: Date.now(), version: form.dataset.draftVersion || "", values });
  };
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(keep, PAUSE_MS);
  });
  form.addEventListener("submit", () => {
    keep();
    if (!form.matches("[hx-post], [hx-put], [hx-patch]")) write(sessionStorage, SENT, { key, from: location.href });
  });
  window.addEventListener("pagehide", () => form.isConnected && timer && keep());
}

/** The last page's form was answered by this very page: its draft has done its work, unless it was refused. */
function settleSent() {
  const sent = read(sessionStorage, SENT);
  if (!sent) return;
  sessionStorage.removeItem(SENT);
  const [navigation] = performance.getEntriesByType("navigation");
  const cameFromForm = document.referrer.split("#")[0] === sent.from.split("#")[0];
  const isAnswer = navigation?.type === "navigate" && cameFromForm && !document.querySelector("[data-error-page]");
  const isSignIn = location.pathname.startsWith("/accounts/");
  if (isAnswer && !isSignIn && !wasRefused(formOf(sent.key))) forget(sent.key);
}

export function start() {
  settleSent();
  onContent((root) => all(root, "form[data-draft-key]").forEach(prepare));
  document.addEventListener("htmx:afterRequest", (event) => {
    const form = senderOf(event);
    if (!(form instanceof HTMLFormElement) || !form.dataset.draftKey || !event.detail.successful) return;
    if (event.detail.requestConfig.verb === "get") return;
    const key = form.dataset.draftKey;
    // After the swap: is the form still there, and with an error?
    setTimeout(() => {
      if (wasRefused(formOf(key))) return;
      forget(key);
      forgetChanges(form);
    }, 0);
  });
  // Seen again by "back": the page comes out of memory and its form was not answered.
  window.addEventListener("pageshow", (event) => event.persisted && sessionStorage.removeItem(SENT));
}
