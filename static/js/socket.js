/** The one live connection. It comes back by itself; what was missed is catchup.js's concern. */

import { io } from "/static/vendor/socket.io.esm.min.js";
import { get } from "./api.js";
import { tell } from "./bus.js";
import { csrfToken, jittered, me } from "./dom.js";
import { upTo } from "./presence.js";

const ACK_MS = 10_000;
const EVENTS = [
  "message:new", "message:changed", "message:deleted", "channel:changed", "channel:removed",
  "unread", "typing", "presence", "system", "status:changed",
];

let socket = null;

export const isConnected = () => Boolean(socket?.connected);

export class AckError extends Error {
  constructor(answer) {
    super(answer.detail || answer.error);
    this.code = answer.error;
    this.answer = answer;
  }
}

/** Send and wait for the acknowledgement. Rejects with AckError (refused) or Error (unknown). */
export async function ask(event, data) {
  if (!isConnected()) throw new Error("not connected");
  const answer = await socket.timeout(ACK_MS).emitWithAck(event, data);
  if (answer?.ok) return answer;
  throw new AckError(answer || { error: "error" });
}

/** Send something that may be lost: typing, presence. Never queued while offline. */
export function mention(event, data) {
  if (isConnected()) socket.volatile.emit(event, data);
}

/** Don't wait for the back-off: the network or the reader just came back. */
export function hurry() {
  if (socket && !socket.connected) socket.disconnect().connect();
}

// The server closed the door on purpose. Either the session has ended, or it is restarting.
async function askWhy() {
  try {
    await get("/api/me");
  } catch (error) {
    if (error.status === 401) return tell("signed-out");
  }
  setTimeout(() => socket.connected || socket.connect(), jittered(2000));
}

// After sleep a dead connection can look alive for a minute.
async function checkAlive() {
  if (document.visibilityState !== "visible" || !socket) return;
  if (!socket.connected) return hurry();
  try {
    await socket.timeout(5000).emitWithAck("presence:ping", {});
  } catch {
    socket.disconnect().connect();
  }
}

export function start() {
  if (!me.id) return;
  socket = io({
    transports: ["websocket"],
    auth: (give) => give({ csrf: csrfToken(), presence: upTo }),
    reconnectionDelay: 500,
    reconnectionDelayMax: 8000,
    randomizationFactor: 0.5,
    timeout: 8000,
  });
  for (const name of EVENTS) socket.on(name, (data) => tell(name, data));
  socket.on("connect", () => tell("connected"));
  socket.on("disconnect", (reason) => {
    tell("disconnected", reason);
    if (reason === "io server disconnect") askWhy();
  });
  socket.on("connect_error", () => {
    tell("disconnected", "connect_error");
    if (!socket.active) askWhy();
  });
  addEventListener("online", hurry);
  addEventListener("offline", () => tell("disconnected", "offline"));
  document.addEventListener("visibilitychange", checkAlive);
  // The back/forward cache refuses pages with an open socket, and a frozen one is dead anyway.
  addEventListener("pagehide", () => socket.disconnect());
  addEventListener("pageshow", (event) => event.persisted && socket.connect());
}
