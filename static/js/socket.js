/** The socket. It reconnects by itself; catchup.js fetches missed events. */

import { io } from "/static/vendor/socket.io.esm.min.js";
import { whoAmI } from "./api.js";
import { tell } from "./bus.js";
import { csrfToken, jittered, me, sleep } from "./dom.js";
import { AckError } from "./logic/errors.js";
import { upTo } from "./presence.js";
import { PRESENCE_PING, TO_BROWSERS } from "./protocol.js";

const ACK_MS = 10_000;
const COOKIE_MS = 1500;

let socket = null;

export const isConnected = () => Boolean(socket?.connected);

/** Send and wait for the acknowledgement. Rejects with AckError (refused) or Error (unknown). */
export async function ask(event, data) {
  if (!isConnected()) throw new Error("not connected");
  const answer = await socket.timeout(ACK_MS).emitWithAck(event, data);
  if (answer?.ok) return answer;
  throw new AckError(answer || { error: "error" });
}

/** Send an event that may be lost (typing, presence). Not queued while offline. */
export function mention(event, data) {
  if (isConnected()) socket.volatile.emit(event, data);
}

/** Reconnect now, without the back-off: the network or the reader is back. */
export function hurry() {
  if (socket && !socket.connected) socket.disconnect().connect();
}

// The account of this browser now: null if signed out, undefined if the server cannot be asked.
async function whoIsHere() {
  try {
    return await whoAmI();
  } catch (error) {
    return error.status === 401 ? null : undefined;
  }
}

/**
 * The server closed the socket on purpose: the session has ended, the browser has another session (of
 * another account or a later log-in), or the server restarts.
 */
async function askWhy(reason = "") {
  let caller = await whoIsHere();
  if (caller === null) {
    // A new password in another tab ends the session before its answer brings the new cookie.
    await sleep(COOKIE_MS);
    caller = await whoIsHere();
  }
  if (socket.connected) return;
  if (caller === null) return tell("signed-out");
  if (caller && caller.id !== me.id) return tell("other-account", caller);
  if (caller && reason === "forbidden") return tell("other-session");
  setTimeout(() => socket.connected || socket.connect(), jittered(2000));
}

// After sleep, a dead connection may look alive for a minute.
async function checkAlive() {
  if (document.visibilityState !== "visible" || !socket) return;
  if (!socket.connected) return hurry();
  try {
    await socket.timeout(5000).emitWithAck(PRESENCE_PING, {});
  } catch {
    socket.disconnect().connect();
  }
}

export function start() {
  if (!me.id) return;
  socket = io({
    transports: ["websocket"],
    auth: (give) => give({ csrf: csrfToken(), presence: upTo() }),
    reconnectionDelay: 500,
    reconnectionDelayMax: 8000,
    randomizationFactor: 0.5,
    timeout: 8000,
  });
  for (const name of TO_BROWSERS) socket.on(name, (data) => tell(name, data));
  socket.on("connect", () => tell("connected"));
  socket.on("disconnect", (reason) => {
    tell("disconnected", reason);
    if (reason === "io server disconnect") askWhy();
  });
  socket.on("connect_error", ({ message }) => {
    tell("disconnected", "connect_error");
    if (!socket.active) askWhy(message);
  });
  addEventListener("online", hurry);
  addEventListener("offline", () => tell("disconnected", "offline"));
  document.addEventListener("visibilitychange", checkAlive);
  // The back/forward cache refuses pages with an open socket, and a frozen one is dead anyway.
  addEventListener("pagehide", () => socket.disconnect());
  addEventListener("pageshow", (event) => event.persisted && socket.connect());
}
