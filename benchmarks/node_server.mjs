/**
 * A bare Socket.IO server on Node, as its documentation shows it: the floor of `fanout` and
 * `arrivals`. Everybody is in one room. What anybody posts is sent to the room and acknowledged;
 * nothing is checked or stored, and who asks what was missed is told that nothing was.
 */

import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer((_request, response) => response.end("ok"));
const io = new Server(http, { transports: ["websocket"] });

io.on("connection", (socket) => {
  socket.join("everybody");
  socket.on("message:post", (message, acknowledge) => {
    io.to("everybody").emit("message:new", { message });
    acknowledge({ ok: true });
  });
  socket.on("channel:open", ({ rev }, acknowledge) => {
    acknowledge({ ok: true, messages: [], more: false, rev });
  });
});

http.listen(Number(process.env.PORT), process.env.HOST);
