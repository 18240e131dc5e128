// Written by `python -m chat.protocol` from the table in chat/protocol.py: change it there.

export const MESSAGE_POST = "message:post";
export const MESSAGE_EDIT = "message:edit";
export const MESSAGE_DELETE = "message:delete";
export const CHANNEL_OPEN = "channel:open";
export const CHANNEL_READ = "channel:read";
export const PRESENCE_PING = "presence:ping";
export const STATUS_WATCH = "status:watch";
export const TYPING = "typing";
export const MESSAGE_NEW = "message:new";
export const MESSAGE_CHANGED = "message:changed";
export const MESSAGE_DELETED = "message:deleted";
export const CHANNEL_CHANGED = "channel:changed";
export const CHANNEL_REMOVED = "channel:removed";
export const UNREAD = "unread";
export const PRESENCE = "presence";
export const SYSTEM = "system";
export const STATUS_CHANGED = "status:changed";
export const FROM_BROWSERS = [
  "message:post",
  "message:edit",
  "message:delete",
  "channel:open",
  "channel:read",
  "presence:ping",
  "status:watch",
  "typing",
];
export const TO_BROWSERS = [
  "message:new",
  "message:changed",
  "message:deleted",
  "channel:changed",
  "channel:removed",
  "unread",
  "typing",
  "presence",
  "system",
  "status:changed",
];
export const MODE_NORMAL = "normal";
export const MODE_DEGRADED = "degraded";
export const MODE_RESTARTING = "restarting";
export const PASSING_ERRORS = ["throttled", "unavailable", "server", "unauthenticated"];
export const GONE_ERRORS = ["not_found", "forbidden"];
export const MESSAGE_CHARACTERS = 8000;
export const HISTORY_PAGE = 50;
export const PLACES_FOUND = 20;
export const PEOPLE_NAMED = 60;
export const CHANNELS_REMEMBERED = 20;
export const UNREAD_SHOWN = 99;
export const GROUPED_SECONDS = 300;
export const LARGE_EMOJI = 6;
export const NOBODY = "000000000000000000000000";
export const HUES = 24;
export const GOLDEN = 10368889;
