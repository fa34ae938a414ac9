/* What several modules need: told when new content arrives, say something to a reader, the CSRF token. */

/** Call `callback(root)` now for the document and again for every part that is swapped in. */
export function onContent(callback) {
  callback(document);
  document.addEventListener("hindsight:content", (event) => callback(event.target));
  document.addEventListener("htmx:load", (event) => {
    if (event.target !== document.body) callback(event.target);
  });
}

/** Tell the other modules, and htmx, that `element` is new in the page. */
export function contentArrived(element) {
  window.htmx?.process(element);
  element.dispatchEvent(new CustomEvent("hindsight:content", { bubbles: true }));
}

/** Every element that matches, the root included. */
export function all(root, selector) {
  const found = [...root.querySelectorAll(selector)];
  if (root.matches?.(selector)) found.unshift(root);
  return found;
}

/** Have a screen reader say `text` once. */
export function announce(text) {
  const region = document.getElementById("announcer");
  if (!region) return;
  region.textContent = "";
  // Two identical texts in a row are read twice only if the region was empty in between.
  setTimeout(() => (region.textContent = text), 50);
}

/** The element that sent an htmx request; after a swap of itself, `event.detail.elt` is only an ancestor. */
export function senderOf(event) {
  return event.detail.requestConfig?.elt ?? event.detail.elt;
}

export function csrfToken() {
  const field = document.querySelector("input[name=csrfmiddlewaretoken]");
  if (field) return field.value;
  return JSON.parse(document.body.getAttribute("hx-headers") || "{}")["X-CSRFToken"] || "";
}

/** Is somebody in the middle of writing in `element`? */
export function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));
}
