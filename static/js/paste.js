/* A picture pasted or dropped into a textarea with data-paste-upload-url is uploaded and linked where the cursor is. */
import { csrfToken } from "./page.js";
import { toast } from "./toasts.js";

let uploads = 0;

function pictures(transfer) {
  return [...(transfer?.files || [])].filter((file) => file.type.startsWith("image/"));
}

function insert(area, text) {
  area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
  area.dispatchEvent(new Event("input", { bubbles: true }));
}

function substitute(area, placeholder, text) {
  const at = area.value.indexOf(placeholder);
  if (at < 0) {
    if (text) insert(area, text);
    return;
  }
  area.setRangeText(text, at, at + placeholder.length, "preserve");
  area.dispatchEvent(new Event("input", { bubbles: true }));
}

async function upload(area, file) {
  const placeholder = `[uploading ${file.name || "picture"} ${++uploads}…]`;
  insert(area, placeholder);
  const body = new FormData();
  body.append("file", file, file.name || "pasted.png");
  try {
    const answer = await fetch(area.dataset.pasteUploadUrl, {
      method: "POST",
      headers: { "X-CSRFToken": csrfToken(), Accept: "application/json" },
      body,
    });
    const isJson = (answer.headers.get("content-type") || "").includes("json");
    const result = isJson ? await answer.json() : {};
    if (!answer.ok || !result.markdown) throw new Error(result.error || `The server refused it (error ${answer.status}).`);
    substitute(area, placeholder, result.markdown);
  } catch (error) {
    substitute(area, placeholder, "");
    const reason = error instanceof TypeError ? "No connection." : error.message;
    toast(`${file.name || "The picture"} was not uploaded. ${reason}`, "error");
  }
}

export function start() {
  const areaOf = (event) => event.target.closest?.("textarea[data-paste-upload-url]");
  const take = (event, transfer) => {
    const area = areaOf(event);
    const files = area ? pictures(transfer) : [];
    if (!files.length) return;
    event.preventDefault();
    delete area.form?.dataset.dragging;
    files.forEach((file) => upload(area, file));
  };
  document.addEventListener("paste", (event) => take(event, event.clipboardData));
  document.addEventListener("drop", (event) => take(event, event.dataTransfer));
  document.addEventListener("dragover", (event) => {
    const area = areaOf(event);
    if (!area) return;
    event.preventDefault();
    if (area.form) area.form.dataset.dragging = "";
  });
  document.addEventListener("dragleave", (event) => delete areaOf(event)?.form?.dataset.dragging);
}
