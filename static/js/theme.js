/* A form with data-theme-form shows its choice at once; the server keeps it. */
export function start() {
  document.addEventListener("change", (event) => {
    const control = event.target;
    if (!(control instanceof HTMLElement) || !control.closest("[data-theme-form]") || control.name !== "theme") return;
    if (control.value === "light" || control.value === "dark") document.documentElement.dataset.theme = control.value;
    else delete document.documentElement.dataset.theme;
  });
}
