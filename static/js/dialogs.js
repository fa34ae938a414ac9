/* data-dialog-open="id" opens a <dialog>; data-dialog-close closes the one around it; a click beside it closes too. */
import { onContent, all } from "./page.js";

export function start() {
  document.addEventListener("click", (event) => {
    const target = event.target;
    if (!(target instanceof Element)) return;
    const opener = target.closest("[data-dialog-open]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.dialogOpen);
      // A click that asks for a new tab goes where the link leads.
      if (!(dialog instanceof HTMLDialogElement) || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      opener.closest("[popover]")?.hidePopover();
      dialog.showModal();
      return;
    }
    if (target.closest("[data-dialog-close]")) {
      event.preventDefault();
      target.closest("dialog")?.close();
      return;
    }
    // The backdrop belongs to the dialog element itself. Only where nothing typed would be put out of sight.
    if (target instanceof HTMLDialogElement && !target.querySelector("textarea, input:not([type=hidden])")) {
      const box = target.getBoundingClientRect();
      const inside =
        event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
      if (!inside) target.close();
    }
  });
  onContent((root) => {
    for (const dialog of all(root, "dialog[data-open-on-load]")) if (!dialog.open) dialog.showModal();
  });
}
