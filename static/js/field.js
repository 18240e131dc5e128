/** What the composer and the edit form have in common: growth, the send key, the limit. */

export const LIMIT = 8000;

// On a touch screen Enter is how one starts a line; the button sends.
export const isTouch = matchMedia("(hover: none) and (pointer: coarse)");

/** Counted as the server counts: characters after trimming, not UTF-16 halves. */
export const lengthOf = (text) => [...text.trim()].length;

/** Enter alone - but not the Enter that picks a word in an input method (229 is Safari's way). */
export const isSendKey = (event) =>
  event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229 && !isTouch.matches;

const MAX_ROWS = 10;

// Where the style sheet can do it (`field-sizing`), measuring would only cost a layout a key.
const growsByItself = CSS.supports("field-sizing", "content");

/** Let a field grow with its words, by its rows attribute: no inline style needed. */
export function autosize(area) {
  if (growsByItself) return;
  area.rows = 1;
  const style = getComputedStyle(area);
  const line = parseFloat(style.lineHeight) || 22;
  const padding = parseFloat(style.paddingTop) + parseFloat(style.paddingBottom);
  area.rows = Math.max(1, Math.min(MAX_ROWS, Math.round((area.scrollHeight - padding) / line)));
}
