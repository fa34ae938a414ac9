/* data-key="d" or a sequence "g i". `?` lists what the page offers. Keys rest while somebody types. */
import { isTyping } from "./page.js";

const SEQUENCE_MS = 1200;
let typed = [];
let typedAt = 0;

function candidates() {
  return [...document.querySelectorAll("[data-key]")].filter((element) => !element.disabled);
}

function isReachable(element) {
  const dialog = document.querySelector("dialog[open]");
  if (dialog) return dialog.contains(element);
  // The same shortcut may stand in the side navigation and in a closed menu: the link still leads there.
  return element instanceof HTMLAnchorElement || element.checkVisibility();
}

function use(element) {
  if (isTyping(element)) {
    element.focus();
    element.select?.();
  } else {
    element.click();
  }
}

function label(element) {
  return element.dataset.keyLabel || element.getAttribute("aria-label") || element.textContent.trim();
}

function row(list, keys, text) {
  const term = document.createElement("dt");
  keys.forEach((key, index) => {
    if (index) term.append(" ");
    const mark = document.createElement("kbd");
    mark.textContent = key;
    term.append(mark);
  });
  const meaning = document.createElement("dd");
  meaning.textContent = text;
  list.append(term, meaning);
}

function showHelp() {
  const dialog = document.getElementById("shortcuts");
  if (!dialog || dialog.open) return;
  fillHelp(dialog);
  dialog.showModal();
}

function fillHelp(dialog) {
  const list = dialog.querySelector("[data-shortcut-list]");
  list.replaceChildren();
  const seen = new Set();
  for (const element of candidates()) {
    if (seen.has(element.dataset.key)) continue;
    seen.add(element.dataset.key);
    row(list, element.dataset.key.split(" "), label(element));
  }
  row(list, ["Ctrl", "Enter"], "Send or save the form you are in");
  row(list, ["Esc"], "Close what is open, leave a field");
  row(list, ["?"], "This list");
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
  if (event.key === "Escape" && isTyping(event.target) && !event.target.closest("dialog")) {
    event.target.blur();
    return;
  }
  if (isTyping(event.target) || event.key.length !== 1) return;
  if (event.key === "?") {
    event.preventDefault();
    showHelp();
    return;
  }
  const now = performance.now();
  typed = now - typedAt < SEQUENCE_MS ? [...typed.slice(-1), event.key] : [event.key];
  typedAt = now;
  for (const keys of [typed.join(" "), event.key]) {
    const element = candidates().find((candidate) => candidate.dataset.key === keys && isReachable(candidate));
    if (element) {
      event.preventDefault();
      typed = [];
      use(element);
      return;
    }
  }
}

export function start() {
  document.addEventListener("keydown", onKey);
  document.getElementById("shortcuts")?.addEventListener("beforetoggle", (event) => {
    if (event.newState === "open") fillHelp(event.target);
  });
}
