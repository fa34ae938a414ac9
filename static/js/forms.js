/* Sending by keyboard, guarding unsaved changes, focus after a refusal, copying. */
import { onContent, all, announce, senderOf } from "./page.js";

const changed = new Set();

/** Unsaved changes of `form` are gone or safe: leaving needs no question any more. */
export function forgetChanges(form) {
  changed.delete(form);
}

function submitOnKeys(event) {
  if (event.key !== "Enter" || event.isComposing) return;
  const area = event.target;
  if (!(area instanceof HTMLTextAreaElement) || !area.form) return;
  const plainEnter = "enterSubmits" in area.dataset && !event.shiftKey && !event.altKey;
  if (!plainEnter && !event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  area.form.requestSubmit();
}

export function start() {
  document.addEventListener("keydown", submitOnKeys);
  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (form && "unsavedGuard" in form.dataset) changed.add(form);
  });
  document.addEventListener("submit", (event) => {
    if (event.target instanceof HTMLFormElement && !event.target.matches("[hx-post], [hx-put], [hx-patch]"))
      changed.delete(event.target);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful) changed.delete(senderOf(event));
  });
  window.addEventListener("beforeunload", (event) => {
    for (const form of changed) {
      if (form.isConnected) {
        event.preventDefault();
        return;
      }
    }
  });
  document.addEventListener("change", (event) => {
    const control = event.target;
    if (control instanceof HTMLElement && "submitOnChange" in control.dataset) control.form?.requestSubmit();
  });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    const words = button.textContent;
    button.textContent = "Copied";
    announce("Copied");
    setTimeout(() => (button.textContent = words), 1500);
  });
  onContent((root) => all(root, "[data-focus-on-load]")[0]?.focus());
}
