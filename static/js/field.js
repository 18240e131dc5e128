/** Shared by the composer and the edit form: the growing field and the send key. */

import { hasPlace, isSendKey as sends } from "./logic/writing.js";

// On a touch screen Enter starts a new line, and the button sends.
export const isTouch = () => matchMedia("(hover: none) and (pointer: coarse)").matches;

// A tablet may have a hardware keyboard: its keys have a `code`, those of a virtual one have none.
let hasKeyboard = false;
function notice(event) {
  if (event.key !== "Enter") hasKeyboard = hasPlace(event);
}

// Some virtual keyboards do send a `code`, but they make the viewport smaller.
let tallest = {};
function isKeyboardOnScreen() {
  const { height = innerHeight, width = innerWidth } = globalThis.visualViewport || {};
  tallest = width === tallest.width && height < tallest.height ? tallest : { width, height };
  return tallest.height - height > 150;
}

const enterSends = () => !isTouch() || (hasKeyboard && !isKeyboardOnScreen());

/** Whether this key press sends the text of the field. */
export const isSendKey = (event) => sends(event, enterSends);

const MAX_ROWS = 10;

// With `field-sizing` the style sheet does it; measuring would cost a layout for each key.
const growsByItself = () => CSS.supports("field-sizing", "content");

/** Let a field grow with its text, by its rows attribute, without inline styles. */
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
