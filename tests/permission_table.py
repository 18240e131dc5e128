"""The permission table: the answer of every route and socket event to each kind of person.

    method  rule  body  |  anonymous outsider member moderator admin owner deactivated

The channel is private if the rule has the mark `*`, public but archived with `^`, else public. The
people from member to owner are members of it, the outsider is not. Only its members, moderators and
its creator can see an archived channel. Another person made the channel and wrote its message.
`login` is a redirect to the log-in page. Pages for admins do not exist for others. The deactivated
person still has the cookie of a session that was ended.
"""

ACTORS = ("anonymous", "outsider", "member", "moderator", "admin", "owner", "deactivated")

ROUTES = """
GET    /                                                  -        | login 302 302 302 302 302 login
GET    /health                                            -        | 200 200 200 200 200 200 200
GET    /health/ready                                      -        | 200 200 200 200 200 200 200
GET    /health/mongo                                      -        | 200 200 200 200 200 200 200
GET    /health/redis                                      -        | 200 200 200 200 200 200 200
GET    /static/<path:filename>                            -        | 200 200 200 200 200 200 200
GET    /static/dist/<name>                                -        | 200 200 200 200 200 200 200
GET    /setup                                             -        | 404 404 404 404 404 404 404
POST   /setup                                             setup    | 404 404 404 404 404 404 403
GET    /login                                             -        | 200 302 302 302 302 302 200
POST   /login                                             wrong    | 422 422 422 422 422 422 403
GET    /register                                          -        | 403 302 302 302 302 302 403
POST   /register                                          account  | 403 403 403 403 403 403 403
GET    /join/<invite>                                     -        | 302 302 302 302 302 302 302
POST   /language                                          language | 303 303 303 303 303 303 403

GET    /channels                                          -        | login 200 200 200 200 200 login
POST   /channels                                          name     | login 303 303 303 303 303 403
GET    /channels/<slug>                                   -        | login 200 200 200 200 200 login
GET   */channels/<slug>                                   -        | login 404 200 200 200 200 login
GET    /channels/<slug>/m/<int:seq>                       -        | login 200 200 200 200 200 login
GET   */channels/<slug>/m/<int:seq>                       -        | login 404 200 200 200 200 login
GET   ^/channels/<slug>                                   -        | login 404 200 200 200 200 login
GET   ^/channels/<slug>/m/<int:seq>                       -        | login 404 200 200 200 200 login
POST  ^/channels/<slug>/messages                          message  | login 404 409 409 409 409 403
POST  ^/channels/<slug>/join                              -        | login 404 409 409 409 409 403
GET   ^/channels/<slug>/settings                          -        | login 404 200 200 200 200 login
GET   ^/messages/<message_id>                             -        | login 404 302 302 302 302 login
POST   /channels/<slug>/messages                          message  | login 403 303 303 303 303 403
POST  */channels/<slug>/messages                          message  | login 404 303 303 303 303 403
POST   /channels/<slug>/join                              -        | login 303 303 303 303 303 403
POST  */channels/<slug>/join                              -        | login 404 303 303 303 303 403
GET    /channels/<slug>/leave                             -        | login 200 200 200 200 200 login
GET   */channels/<slug>/leave                             -        | login 404 200 200 200 200 login
POST   /channels/<slug>/leave                             -        | login 303 303 303 303 303 403
POST  */channels/<slug>/leave                             -        | login 404 303 303 303 303 403
POST   /channels/<slug>/read                              seq      | login 403 303 303 303 303 403
POST  */channels/<slug>/read                              seq      | login 404 303 303 303 303 403
GET    /channels/<slug>/settings                          -        | login 200 200 200 200 200 login
GET   */channels/<slug>/settings                          -        | login 404 200 200 200 200 login
POST   /channels/<slug>/settings                          name     | login 403 403 303 303 303 403
POST  */channels/<slug>/settings                          name     | login 404 403 303 303 303 403
POST   /channels/<slug>/people                            visitor  | login 403 303 303 303 303 403
POST  */channels/<slug>/people                            visitor  | login 404 303 303 303 303 403
GET    /channels/<slug>/people/<user_id>/remove           -        | login 403 403 200 200 200 login
GET   */channels/<slug>/people/<user_id>/remove           -        | login 404 403 200 200 200 login
POST   /channels/<slug>/people/<user_id>/remove           -        | login 403 403 303 303 303 403
POST  */channels/<slug>/people/<user_id>/remove           -        | login 404 403 303 303 303 403
GET    /channels/<slug>/archive                           -        | login 403 403 200 200 200 login
GET   */channels/<slug>/archive                           -        | login 404 403 200 200 200 login
POST   /channels/<slug>/archive                           -        | login 403 403 303 303 303 403
POST  */channels/<slug>/archive                           -        | login 404 403 303 303 303 403
POST   /channels/<slug>/messages/<message_id>/edit        text     | login 403 403 403 403 403 403
POST  */channels/<slug>/messages/<message_id>/edit        text     | login 404 403 403 403 403 403
POST   /channels/<slug>/messages/<message_id>/delete      -        | login 403 403 303 303 303 403
POST  */channels/<slug>/messages/<message_id>/delete      -        | login 404 403 303 303 303 403
GET    /messages/<message_id>                             -        | login 302 302 302 302 302 login
GET   */messages/<message_id>                             -        | login 404 302 302 302 302 login
GET    /messages/<message_id>/actions                     -        | login 200 200 200 200 200 login
GET   */messages/<message_id>/actions                     -        | login 404 200 200 200 200 login
GET   ^/messages/<message_id>/actions                     -        | login 404 200 200 200 200 login
GET   */messages/<message_id>/edit                        -        | login 404 200 200 200 200 login
GET   */messages/<message_id>/delete                      -        | login 404 200 200 200 200 login

GET    /dm                                                -        | login 200 200 200 200 200 login
POST   /dm                                                users    | login 303 303 303 303 303 403
GET    /dm/<nickname>                                     -        | login 200 200 200 200 200 login
POST   /dm/<nickname>                                     message  | login 303 303 303 303 303 403
GET    /settings                                          -        | login 200 200 200 200 200 login
POST   /settings                                          status   | login 303 303 303 303 303 403
POST   /settings/password                                 password | login 422 422 422 422 422 403
GET    /settings/sessions/end                             -        | login 200 200 200 200 200 login
POST   /settings/sessions/end                             -        | login 303 303 303 303 303 403
POST   /settings/tokens                                   token    | login 200 200 200 200 200 403
GET    /settings/tokens/<token_id>/revoke                 -        | login 200 200 200 200 200 login
POST   /settings/tokens/<token_id>/revoke                 -        | login 303 303 303 303 303 403

GET    /admin                                             -        | login 404 404 404 200 200 login
GET    /admin/status                                      -        | login 404 404 404 200 200 login
GET    /admin/status/now                                  -        | login 404 404 404 200 200 login
GET    /admin/control/<what>                              -        | login 404 404 404 200 200 login
POST   /admin/control/<what>                              -        | login 404 404 404 303 303 403
POST   /admin/rollout                                     -        | login 404 404 404 422 422 403
POST   /admin/site                                        site     | login 404 404 404 303 303 403
POST   /admin/invites                                     -        | login 404 404 404 303 303 403
GET    /admin/invites/<code>/revoke                       -        | login 404 404 404 200 200 login
POST   /admin/invites/<code>/revoke                       -        | login 404 404 404 303 303 403
POST   /admin/people/<user_id>/role                       role     | login 404 404 404 303 303 403
GET    /admin/people/<user_id>/deactivate                 -        | login 404 404 404 200 200 login
POST   /admin/people/<user_id>/deactivate                 -        | login 404 404 404 303 303 403
POST   /admin/people/<user_id>/reactivate                 -        | login 404 404 404 303 303 403

GET    /api/                                              -        | 404 404 404 404 404 404 404
GET    /api/<path:path>                                   -        | 404 404 404 404 404 404 404
GET    /api/openapi.json                                  -        | 200 200 200 200 200 200 200
GET    /api/me                                            -        | 401 200 200 200 200 200 401
PATCH  /api/me                                            status   | 401 200 200 200 200 200 401
GET    /api/users                                         -        | 401 200 200 200 200 200 401
GET    /api/users/online                                  -        | 401 200 200 200 200 200 401
GET    /api/users/<user_id>                               -        | 401 200 200 200 200 200 401
GET    /api/channels                                      -        | 401 200 200 200 200 200 401
POST   /api/channels                                      name     | 401 201 201 201 201 201 401
GET    /api/places                                        -        | 401 200 200 200 200 200 401
POST   /api/directs                                       users    | 401 200 200 200 200 200 401
GET    /api/channels/<channel_id>                         -        | 401 200 200 200 200 200 401
GET   */api/channels/<channel_id>                         -        | 401 404 200 200 200 200 401
GET   ^/api/channels/<channel_id>                         -        | 401 404 200 200 200 200 401
GET   ^/api/channels/<channel_id>/users                   -        | 401 404 200 200 200 200 401
GET   ^/api/channels/<channel_id>/messages                -        | 401 404 200 200 200 200 401
GET   ^/api/channels/<channel_id>/messages/around         seq      | 401 404 200 200 200 200 401
POST  ^/api/channels/<channel_id>/messages                message  | 401 404 409 409 409 409 401
POST  ^/api/channels/<channel_id>/join                    -        | 401 404 409 409 409 409 401
POST  ^/api/channels/<channel_id>/read                    seq      | 401 404 204 204 204 204 401
PATCH  /api/channels/<channel_id>                         name     | 401 403 403 200 200 200 401
PATCH */api/channels/<channel_id>                         name     | 401 404 403 200 200 200 401
POST   /api/channels/<channel_id>/join                    -        | 401 204 204 204 204 204 401
POST  */api/channels/<channel_id>/join                    -        | 401 404 204 204 204 204 401
POST   /api/channels/<channel_id>/leave                   -        | 401 204 204 204 204 204 401
POST  */api/channels/<channel_id>/leave                   -        | 401 404 204 204 204 204 401
GET    /api/channels/<channel_id>/users                   -        | 401 200 200 200 200 200 401
GET   */api/channels/<channel_id>/users                   -        | 401 404 200 200 200 200 401
POST   /api/channels/<channel_id>/people/<user_id>        -        | 401 403 204 204 204 204 401
POST  */api/channels/<channel_id>/people/<user_id>        -        | 401 404 204 204 204 204 401
DELETE /api/channels/<channel_id>/people/<user_id>        -        | 401 403 403 204 204 204 401
DELETE*/api/channels/<channel_id>/people/<user_id>        -        | 401 404 403 204 204 204 401
GET    /api/channels/<channel_id>/messages                -        | 401 200 200 200 200 200 401
GET   */api/channels/<channel_id>/messages                -        | 401 404 200 200 200 200 401
GET   */api/channels/<channel_id>/messages/around         seq      | 401 404 200 200 200 200 401
POST   /api/channels/<channel_id>/messages                message  | 401 403 201 201 201 201 401
POST  */api/channels/<channel_id>/messages                message  | 401 404 201 201 201 201 401
POST   /api/channels/<channel_id>/read                    seq      | 401 403 204 204 204 204 401
POST  */api/channels/<channel_id>/read                    seq      | 401 404 204 204 204 204 401
GET    /api/messages/<message_id>                         -        | 401 200 200 200 200 200 401
GET   */api/messages/<message_id>                         -        | 401 404 200 200 200 200 401
GET   ^/api/messages/<message_id>                         -        | 401 404 200 200 200 200 401
PATCH  /api/messages/<message_id>                         text     | 401 403 403 403 403 403 401
PATCH */api/messages/<message_id>                         text     | 401 404 403 403 403 403 401
DELETE /api/messages/<message_id>                         -        | 401 403 403 204 204 204 401
DELETE*/api/messages/<message_id>                         -        | 401 404 403 204 204 204 401
PUT    /api/messages/<message_id>/reactions/<emoji>         -        | 401 403 200 200 200 200 401
PUT   */api/messages/<message_id>/reactions/<emoji>         -        | 401 404 200 200 200 200 401
PUT   ^/api/messages/<message_id>/reactions/<emoji>         -        | 401 404 409 409 409 409 401
DELETE /api/messages/<message_id>/reactions/<emoji>         -        | 401 403 200 200 200 200 401
DELETE*/api/messages/<message_id>/reactions/<emoji>         -        | 401 404 200 200 200 200 401
DELETE^/api/messages/<message_id>/reactions/<emoji>         -        | 401 404 409 409 409 409 401
GET    /api/emoji                                         -        | 401 200 200 200 200 200 401
POST   /api/invites                                       -        | 401 403 403 403 201 201 401
DELETE /api/invites/<code>                                -        | 401 403 403 403 204 204 401
POST   /api/tokens                                        token    | 401 201 201 201 201 201 401
DELETE /api/tokens/<token_id>                             -        | 401 204 204 204 204 204 401

POST   /logout                                            -        | 303 303 303 303 303 303 403
"""

# Answers are `ok` or the name of the error; `refused` is a handshake that did not succeed.
EVENTS = """
message:post                | refused forbidden ok ok ok ok refused
message:post   *            | refused not_found ok ok ok ok refused
message:post   ^            | refused not_found conflict conflict conflict conflict refused
message:edit                | refused forbidden forbidden forbidden forbidden forbidden refused
message:edit   *            | refused not_found forbidden forbidden forbidden forbidden refused
message:delete              | refused forbidden forbidden ok ok ok refused
message:delete *            | refused not_found forbidden ok ok ok refused
channel:open                | refused ok ok ok ok ok refused
channel:open   *            | refused not_found ok ok ok ok refused
channel:open   ^            | refused not_found ok ok ok ok refused
channel:read                | refused forbidden ok ok ok ok refused
channel:read   *            | refused not_found ok ok ok ok refused
typing                      | refused forbidden ok ok ok ok refused
typing         ^            | refused not_found ok ok ok ok refused
typing         *            | refused not_found ok ok ok ok refused
presence:ping               | refused ok ok ok ok ok refused
status:watch                | refused forbidden forbidden forbidden ok ok refused
"""
