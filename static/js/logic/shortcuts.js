/**
 * Which of the page's shortcuts a key press is. Letters go by `code`: the key's place is the same on
 * a Russian layout.
 */

const ARROWS = { ArrowUp: "previous", ArrowDown: "next" };

function withCommand({ code, shiftKey }) {
  if (code === "Slash") return "shortcuts";
  return code === "KeyK" && !shiftKey ? "switcher" : null;
}

/** "switcher", "shortcuts", "previous", "next", "escape", or null for any other key. */
export function shortcutOf(event) {
  const { code, altKey } = event;
  if (altKey && code in ARROWS) return ARROWS[code];
  if (code === "Escape") return event.shiftKey || event.isComposing ? null : "escape";
  return (event.ctrlKey || event.metaKey) && !altKey ? withCommand(event) : null;
}
