/* Toasts from the server, and from other modules. A toast with an undo waits longer; none goes while attended to. */
import { onContent, all } from "./page.js";

const SHOWN_MS = 8000;
const SHOWN_WITH_UNDO_MS = 20000;

/** Show `text`; level: info, success, warning, error. */
export function toast(text, level = "info") {
  const container = document.getElementById("toasts");
  if (!container) return;
  const element = document.createElement("div");
  element.className = `toast toast--${level}`;
  element.dataset.toast = "";
  const words = document.createElement("span");
  words.className = "toast-text";
  words.textContent = text;
  const dismiss = document.createElement("button");
  dismiss.type = "button";
  dismiss.className = "button button--quiet button--small";
  dismiss.dataset.toastDismiss = "";
  dismiss.textContent = "Dismiss";
  element.append(words, dismiss);
  container.append(element);
  watch(element);
}

function watch(element) {
  if (element.dataset.watched) return;
  element.dataset.watched = "yes";
  // What went wrong stays until it has been read.
  if (element.matches(".toast--error, .toast--danger, .toast--warning")) return;
  const shownMs = element.querySelector("form") ? SHOWN_WITH_UNDO_MS : SHOWN_MS;
  let timer;
  const leave = () => element.remove();
  const restart = () => (timer = setTimeout(leave, shownMs));
  const hold = () => clearTimeout(timer);
  for (const name of ["pointerenter", "focusin"]) element.addEventListener(name, hold);
  for (const name of ["pointerleave", "focusout"]) element.addEventListener(name, restart);
  restart();
}

export function start() {
  onContent((root) => all(root, "[data-toast]").forEach(watch));
  document.addEventListener("click", (event) => {
    event.target.closest?.("[data-toast-dismiss]")?.closest("[data-toast]")?.remove();
  });
}
