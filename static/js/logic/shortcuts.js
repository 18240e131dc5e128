/**
 * The shortcut of a key press. Letters are compared by `code`, which is the same on a Russian
 * layout.
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
 * The next channel of the list (`step` 1 or -1), cyclic; null if it is the current one. `channels` are
 * {isCurrent, unread}; `onlyUnread` skips channels without unread messages.
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
