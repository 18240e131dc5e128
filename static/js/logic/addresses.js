/** Which addresses of the site show a channel. */

const OF_CHANNEL = /^\/(?:channels\/[^/]+(?:\/m\/\d+)?|dm\/[^/]+)$/;

/** What names one page, without the place on it: "/channels/general?before=40". */
export const addressOf = ({ pathname, search }) => pathname + search;

/** Whether a URL or a link leads to a channel of this site. */
export const isChannel = ({ origin, pathname }, site) =>
  origin === site && OF_CHANNEL.test(pathname);

/** Whether a click means "go there", and not another tab, a window or a download. */
export const isPlainClick = ({ button, ctrlKey, metaKey, shiftKey, altKey }) =>
  button === 0 && !ctrlKey && !metaKey && !shiftKey && !altKey;
