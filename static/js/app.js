/* Entry of every page. Each module looks for its own attributes and does nothing where they are absent. */
import { start as startClocks } from "./clocks.js";
import { start as startDialogs } from "./dialogs.js";
import { start as startDrafts } from "./drafts.js";
import { start as startForms } from "./forms.js";
import { start as startHtmx } from "./requests.js";
import { start as startKeyboard } from "./keyboard.js";
import { start as startLive } from "./live.js";
import { start as startPaste } from "./paste.js";
import { start as startTheme } from "./theme.js";
import { start as startToasts } from "./toasts.js";

document.documentElement.dataset.script = "on";

for (const start of [
  startTheme,
  startToasts,
  startDialogs,
  startForms,
  startHtmx,
  startDrafts,
  startPaste,
  startKeyboard,
  startClocks,
  startLive,
]) {
  // One module that fails on an old browser must not take the others with it.
  try {
    start();
  } catch (error) {
    console.error(error);
  }
}
