/** What may be sent, and which key sends it. */

/** Counted as the server counts: characters after trimming, not UTF-16 halves. */
export const lengthOf = (text) => [...text.trim()].length;

/** Whether there is anything to send. The server has the same rule (`require_content`). */
export const hasContent = ({ text }) => text.trim() !== "";

/** Whether the key has a place: those of a keyboard on the screen have none. */
export const hasPlace = ({ code, keyCode }) =>
  Boolean(code) && code !== "Unidentified" && keyCode !== 229;

/**
 * Enter alone where there is a keyboard, Ctrl or ⌘ with Enter everywhere - but not the Enter that
 * picks a word in an input method (229 is Safari's way).
 */
export function isSendKey(event, hasKeyboard) {
  const { key, keyCode, shiftKey, isComposing } = event;
  if (key !== "Enter" || shiftKey || isComposing || keyCode === 229) return false;
  return event.ctrlKey || event.metaKey || hasKeyboard();
}
