/* What went wrong with an htmx request, in words. The page stays as it was, so nothing typed is lost. */
import { contentArrived } from "./page.js";
import { toast } from "./toasts.js";

const REASONS = {
  401: "You are signed out. Sign in again in another tab, then send this once more.",
  403: "You may not do this, or your session ended. Reload the page and try again; what you typed is still here.",
  404: "This is no longer here. Somebody may have removed it.",
  429: "Too many requests in a short time. Wait a minute and try again.",
  503: "The database or the queue does not answer. What you typed is still here; try again in a moment.",
};

export function start() {
  document.addEventListener("htmx:responseError", (event) => {
    const status = event.detail.xhr.status;
    toast(REASONS[status] || `The server could not do this (error ${status}). What you typed is still here.`, "error");
  });
  document.addEventListener("htmx:sendError", () => {
    toast("No connection. Nothing was sent; what you typed is still here.", "error");
  });
  document.addEventListener("htmx:timeout", () => {
    toast("The server took too long to answer. Check whether it was saved before sending again.", "error");
  });
  // A sign-in page in place of a fragment would end up inside the page: go there instead.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const answered = event.detail.xhr.responseURL;
    if (answered && new URL(answered).pathname.startsWith("/accounts/") && !location.pathname.startsWith("/accounts/")) {
      event.detail.shouldSwap = false;
      toast(REASONS[401], "error");
    }
  });
  document.addEventListener("htmx:oobAfterSwap", (event) => contentArrived(event.detail.target));
}
