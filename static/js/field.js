/** What the composer and the edit form have in common: growth and the send key. */

import { hasPlace, isSendKey as sends } from "./logic/writing.js";

// On a touch screen Enter is how one starts a line; the button sends.
export const isTouch = () => matchMedia("(hover: none) and (pointer: coarse)").matches;

// A tablet may have a keyboard: its keys have places, those of a keyboard on the screen have none.
let hasKeyboard = false;
function notice(event) {
  if (event.key !== "Enter") hasKeyboard = hasPlace(event);
}

// Some give their keys places all the same, but take room from the page.
let tallest = {};
function isKeyboardOnScreen() {
  const { height = innerHeight, width = innerWidth } = globalThis.visualViewport || {};
  tallest = width === tallest.width && height < tallest.height ? tallest : { width, height };
  return tallest.height - height > 150;
}

const enterSends = () => !isTouch() || (hasKeyboard && !isKeyboardOnScreen());

/** Whether this key press sends what is in the field. */
export const isSendKey = (event) => sends(event, enterSends);

const MAX_ROWS = 10;

// Where the style sheet can do it (`field-sizing`), measuring would only cost a layout a key.
const growsByItself = () => CSS.supports("field-sizing", "content");

/** Let a field grow with its words, by its rows attribute: no inline style needed. */
export function autosize(area) {
  if (growsByItself()) return;
  area.rows = 1;
  const style = getComputedStyle(area);
  const line = parseFloat(style.lineHeight) || 22;
  const padding = parseFloat(style.paddingTop) + parseFloat(style.paddingBottom);
  area.rows = Math.max(1, Math.min(MAX_ROWS, Math.round((area.scrollHeight - padding) / line)));
}

export function start() {
  addEventListener("keydown", notice, true);
  isKeyboardOnScreen(); // how tall the page is without one
}
