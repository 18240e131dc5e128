/**
 * A channel as the server draws it for a page that is there: its page without what surrounds it. It
 * fits only a page of the same release, language, account and session (`data-edition`).
 */

import { hear } from "./clock.js";
import { $, $$, documentOf } from "./dom.js";
import { t } from "./i18n.js";
import { addressOf } from "./logic/addresses.js";
import { ApiError } from "./logic/errors.js";

const MOST_MS = 15_000;

/** Only the ordinary page shows what lies there: another release, a log-in, an error, nothing. */
export class NeedsPage extends Error {}

/** The nodes that belong to the channel, in the page or in what the server has sent. */
export const nodesIn = (root = document) =>
  ["#channel", "#channel + .scrim", "#members"].map((selector) => $(selector, root));

async function ask(address, stop) {
  const timer = setTimeout(() => stop.abort(), MOST_MS);
  try {
    const headers = { Accept: "text/html", "X-Part": "channel" };
    const response = await fetch(address, { headers, signal: stop.signal });
    return [response, await response.text()];
  } catch {
    throw new ApiError(0, t("error_network"));
  } finally {
    clearTimeout(timer);
  }
}

/** The channel at an address; `stop` is an AbortController. */
export async function fetchChannel(address, stop = new AbortController()) {
  const [{ ok, status, headers, url }, html] = await ask(address, stop);
  const refusal = new ApiError(status, t("error_generic"));
  if (refusal.isPassing) throw refusal;
  if (!ok || headers.get("X-Edition") !== document.body.dataset.edition) throw new NeedsPage();
  const drawn = documentOf(html);
  for (const node of $$("noscript", drawn)) node.remove();
  const { now, channelId } = $("main#channel", drawn).dataset;
  hear(now);
  const nodes = nodesIn(drawn).map((node) => document.adoptNode(node));
  return { address: addressOf(new URL(url)), title: drawn.title, id: channelId, nodes };
}
