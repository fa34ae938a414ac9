/* Relative times ("3 minutes ago") each half minute, running clocks each second; both rest in a hidden tab. */
const UNITS = [
  ["year", 365 * 86400],
  ["month", 30 * 86400],
  ["week", 7 * 86400],
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];
const words = new Intl.RelativeTimeFormat("en-GB", { numeric: "always" });

/** "3 minutes ago", "in 2 hours", "just now" for a distance in seconds (past is negative). */
export function relative(seconds) {
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return words.format(Math.trunc(seconds / size), unit);
  }
  return seconds > 5 ? "in a moment" : "just now";
}

/** "02:41:07", or "3 d 04:11:09" from a day on; seconds are never negative. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const days = Math.floor(whole / 86400);
  const parts = [Math.floor((whole % 86400) / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  return (days ? `${days} d ` : "") + parts.map((part) => String(part).padStart(2, "0")).join(":");
}

function update(selector, text) {
  for (const element of document.querySelectorAll(selector)) {
    const written = text(element);
    if (written && element.textContent !== written) element.textContent = written;
  }
}

function relatives() {
  update("time[data-relative]", (element) => {
    const at = Date.parse(element.dateTime);
    return Number.isNaN(at) ? "" : relative((at - Date.now()) / 1000);
  });
}

function clocks() {
  update("[data-clock-since]", (element) => clock((Date.now() - Date.parse(element.dataset.clockSince)) / 1000));
  update("[data-clock-until]", (element) => clock((Date.parse(element.dataset.clockUntil) - Date.now()) / 1000));
}

export function start() {
  const tick = (run) => () => document.hidden || run();
  clocks();
  relatives();
  setInterval(tick(clocks), 1000);
  setInterval(tick(relatives), 30000);
  document.addEventListener("visibilitychange", tick(clocks));
  document.addEventListener("visibilitychange", tick(relatives));
  document.addEventListener("hindsight:content", () => (clocks(), relatives()));
  document.addEventListener("htmx:load", () => (clocks(), relatives()));
}
