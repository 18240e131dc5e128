/** The rules for texts that can be sent, and the send key. */

/** The length as the server counts it: characters after trimming, not UTF-16 units. */
export const lengthOf = (text) => [...text.trim()].length;

/** Whether there is anything to send. The server has the same rule (`require_content`). */
export const hasContent = ({ text }) => text.trim() !== "";

/** Whether the key has a `code`: keys of virtual keyboards have none. */
export const hasPlace = ({ code, keyCode }) =>
  Boolean(code) && code !== "Unidentified" && keyCode !== 229;

/**
 * Enter alone with a hardware keyboard, Ctrl+Enter or ⌘+Enter everywhere, but not the Enter that
 * chooses a word in an input method (229 in Safari).
 */
export function isSendKey(event, hasKeyboard) {
  const { key, keyCode, shiftKey, isComposing } = event;
  if (key !== "Enter" || shiftKey || isComposing || keyCode === 229) return false;
  return event.ctrlKey || event.metaKey || hasKeyboard();
}
