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

/**
 * The channel that is `step` (1 or -1) further in the list, going round; null if that is where one
 * is. `channels` are {isCurrent, unread}; `onlyUnread` passes over those that are read.
 */
export function channelBeside(channels, step, onlyUnread = false) {
  const count = channels.length;
  const here = channels.findIndex(({ isCurrent }) => isCurrent);
  const from = here < 0 && step < 0 ? 0 : here;
  for (let far = 1; far <= count; far += 1) {
    const at = (from + step * far + count * far) % count;
    if (!onlyUnread || channels[at].unread) return at === here ? null : channels[at];
  }
  return null;
}
