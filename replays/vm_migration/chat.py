"""The chat server: a front page, and rooms in which everybody hears what anybody says."""

from aiohttp import WSMsgType, web

from replays.vm_migration.layout import FRONT_PAGE_PATH, WEBSOCKET_PATH

MARKER_HEADER = "X-App"
MARKER = "chat"
FRONT_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Chat</title></head>
<body><h1>Chat</h1><p>Welcome. Messages travel over a WebSocket.</p></body></html>
"""
Rooms = dict[str, set[web.WebSocketResponse]]
ROOMS = web.AppKey[Rooms]("rooms")


async def front_page(request: web.Request) -> web.Response:
    return web.Response(text=FRONT_PAGE, content_type="text/html", headers={MARKER_HEADER: MARKER})


async def talk(request: web.Request) -> web.WebSocketResponse:
    """Give each text back to its sender, and to the others in `?room=`. No Upgrade header: 400, and it says so."""
    socket = web.WebSocketResponse(max_msg_size=64 * 1024)
    await socket.prepare(request)
    name = request.query.get("room")
    others = request.app[ROOMS].setdefault(name, set()) if name else set()
    others.add(socket)
    try:
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                for listener in list(others):
                    # One who is just leaving must not keep the rest from hearing.
                    if not listener.closed:
                        await listener.send_str(message.data)
    finally:
        others.discard(socket)
        if name and not others:
            request.app[ROOMS].pop(name, None)
    return socket


def chat_application() -> web.Application:
    application = web.Application()
    application[ROOMS] = {}
    application.router.add_get(FRONT_PAGE_PATH, front_page)
    application.router.add_get(WEBSOCKET_PATH, talk, allow_head=False)
    return application
