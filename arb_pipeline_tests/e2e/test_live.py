"""What operators see when something breaks: a venue that is cut off, an API that restarts."""

import json
import time

from playwright.sync_api import WebSocketRoute

from arb_pipeline_tests.e2e.conftest import OpenPage
from arb_pipeline_tests.e2e.running_platform import RunningPlatform, until


def test_a_cut_feed_shows_as_lost_within_ten_seconds_and_recovers(
    platform: RunningPlatform, open_page: OpenPage
) -> None:
    viewer = open_page("vic")
    gemini = viewer.page.get_by_label("Feeds").first.get_by_role("link", name="Gemini")
    gemini.get_by_text("synced", exact=True).or_(gemini.get_by_text("quiet", exact=True)).first.wait_for(
        state="attached"
    )
    with platform.cut("gemini"):
        cut_at = time.monotonic()
        gemini.get_by_text("lost").first.wait_for(timeout=10_000)
        assert time.monotonic() - cut_at < 10
        viewer.page.get_by_role("button", name="alarm").wait_for()
    until(lambda: "lost" not in gemini.inner_text(), "it is back")
    assert viewer.complaints() == []


def test_the_page_comes_back_by_itself_after_the_api_restarts(platform: RunningPlatform, open_page: OpenPage) -> None:
    viewer = open_page("vic")
    viewer.open("Simulated trades")
    platform.end("api")
    viewer.page.get_by_text("CONNECTION LOST").wait_for()
    assert viewer.page.get_by_text("Next try in").or_(viewer.page.get_by_text("Trying now")).first.is_visible()
    platform.start_api()
    viewer.page.get_by_text("CONNECTION LOST").wait_for(state="hidden")
    viewer.open("Opportunities")
    viewer.page.get_by_role("region", name="Tops of the order books").wait_for()
    # while nobody listened, the browser itself told of refused connections; nothing else may have gone wrong
    refused = ("ERR_CONNECTION_REFUSED", "WebSocket connection to", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET")
    assert [line for line in viewer.complaints() if not any(word in line for word in refused)] == []


def test_a_stream_that_has_nothing_to_say_yet_breaks_nothing(platform: RunningPlatform, open_page: OpenPage) -> None:
    viewer = open_page("vic")
    silenced: list[str] = []

    def without_status(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def passed_on(message: str | bytes) -> None:
            said = json.loads(message)
            if said.get("topic") == "status":
                silenced.append(said["kind"])
                said["data"] = None
            socket.send(json.dumps(said))

        server.on_message(passed_on)

    viewer.page.route_web_socket("**/api/v1/stream", without_status)
    viewer.page.goto(platform.url)
    viewer.settled("Overview")
    until(lambda: viewer.page.wait_for_timeout(100) or silenced, "the stream told of its status")
    viewer.page.get_by_label("In short").get_by_text("Is it running?").wait_for()
    viewer.open("Simulated trades")
    assert viewer.complaints() == []
