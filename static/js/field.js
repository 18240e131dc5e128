/** What the composer and the edit form have in common: growth, the send key, the limit. */

// On a touch screen Enter is how one starts a line; the button sends.
export const isTouch = () => matchMedia("(hover: none) and (pointer: coarse)").matches;

/** Counted as the server counts: characters after trimming, not UTF-16 halves. */
export const lengthOf = (text) => [...text.trim()].length;

/** Whether there is anything to send. The server has the same rule (`require_content`). */
export const hasContent = ({ text }) => text.trim() !== "";

// A tablet may have a keyboard: its keys have places, those of a keyboard on the screen have none.
let hasKeyboard = false;
function notice({ code, key, keyCode }) {
  if (key !== "Enter") hasKeyboard = Boolean(code) && code !== "Unidentified" && keyCode !== 229;
}

// Some give their keys places all the same, but take room from the page.
let tallest = {};
function isKeyboardOnScreen() {
  const { height = innerHeight, width = innerWidth } = globalThis.visualViewport || {};
  tallest = width === tallest.width && height < tallest.height ? tallest : { width, height };
  return tallest.height - height > 150;
}

/**
 * Enter alone where there is a keyboard, Ctrl or ⌘ with Enter everywhere - but not the Enter that
 * picks a word in an input method (229 is Safari's way).
 */
export function isSendKey(event) {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229)
    return false;
  if (event.ctrlKey || event.metaKey) return true;
  return !isTouch() || (hasKeyboard && !isKeyboardOnScreen());
}

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
