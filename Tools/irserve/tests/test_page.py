"""The page, in a headless browser. PAGE_PICTURES names a folder for screenshots."""
import base64
import io
import os
import time
import zipfile

import numpy
import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from conftest import Server, encoded, picture


@pytest.fixture
def browser(tmp_path_factory):
    folder = tmp_path_factory.mktemp("downloads")
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,800"):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(folder)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    browser.downloads = folder
    yield browser
    browser.quit()


def opened(browser, server):
    browser.get(server.url + "/")
    until(browser, lambda: len(browser.find_elements(By.CSS_SELECTOR, "#model option")) > 3)


def until(browser, condition, seconds=120):
    WebDriverWait(browser, seconds, 0.1).until(lambda _: condition())


def choose(browser, paths, restore=True):
    before = len(states(browser))
    browser.find_element(By.ID, "files").send_keys("\n".join(str(path) for path in paths))
    until(browser, lambda: len(states(browser)) == before + len(paths))
    if restore:
        press_restore(browser)


def press_restore(browser):
    until(browser, lambda: browser.find_element(By.ID, "restore").is_enabled())
    browser.find_element(By.ID, "restore").click()


def hidden(browser, name):
    return browser.execute_script("return document.getElementById(arguments[0]).hidden", name)


def text(browser, name):
    return browser.execute_script("return document.getElementById(arguments[0]).textContent", name)


def states(browser):
    return browser.execute_script(
        "return [...document.querySelectorAll('#list li')].map(item => item.querySelector('.state').textContent)")


def summary(browser):
    return browser.find_element(By.ID, "summary").text


def complaints(browser):
    """What the browser's console holds, but for requests that failed as they should."""
    return [entry["message"] for entry in browser.get_log("browser") if "Failed to load resource" not in entry["message"]]


def pixels(browser, name):
    """The samples of an image of the page."""
    data = browser.execute_script("""
      const image = document.getElementById(arguments[0]), canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
      canvas.getContext("2d").drawImage(image, 0, 0);
      return canvas.toDataURL("image/png").split(",")[1];""", name)
    return numpy.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))


def same_pixels(browser, one, other):
    return numpy.array_equal(pixels(browser, one), pixels(browser, other))


def shot(browser, name):
    folder = os.environ.get("PAGE_PICTURES")
    if folder:
        browser.save_screenshot(f"{folder}/{name}.png")


def written(tmp_path, count, width=160, height=120):
    paths = []
    for index in range(count):
        paths.append(tmp_path / f"picture {index}.png")
        paths[-1].write_bytes(encoded(picture(width, height, index)))
    return paths


def downloaded(browser, name, seconds=30):
    end = time.time() + seconds
    while time.time() < end:
        path = browser.downloads / name
        if path.exists():
            return path.read_bytes()
        time.sleep(0.1)
    raise AssertionError(f"{name} did not come: {os.listdir(browser.downloads)}")


def test_pictures_are_restored_compared_and_saved(browser, server, tmp_path):
    opened(browser, server)
    paths = written(tmp_path, 3, 320, 240)
    choose(browser, paths)
    until(browser, lambda: summary(browser).startswith("3 of 3 done"))
    browser.find_elements(By.CSS_SELECTOR, "#list .name")[1].click()
    until(browser, lambda: browser.execute_script("return !after.hidden && !before.hidden"))
    shot(browser, "compared")
    # The slider cuts the picture after.
    cuts = []
    for share in (0, 50, 100):
        browser.execute_script("slider.value = arguments[0]; slider.dispatchEvent(new Event('input'))", share)
        cuts.append(browser.execute_script("return parseFloat(after.style.clipPath.replace(/.*[ (]/, ''))"))
    assert cuts[0] == 0 and 150 < cuts[1] < 170 and cuts[2] == 320
    # Zoom by buttons and keys: a pixel is a pixel.
    browser.find_element(By.ID, "full").click()
    assert browser.find_element(By.ID, "full").get_attribute("aria-pressed") == "true"
    assert browser.execute_script("return before.getBoundingClientRect().width * devicePixelRatio") == pytest.approx(320)
    browser.find_element(By.ID, "view").send_keys("2")
    assert browser.execute_script("return before.getBoundingClientRect().width * devicePixelRatio") == pytest.approx(640)
    left = browser.execute_script("return before.getBoundingClientRect().left")
    browser.find_element(By.ID, "view").send_keys(Keys.ARROW_LEFT)
    assert browser.execute_script("return before.getBoundingClientRect().left") == pytest.approx(left + 60)
    # The difference: nothing of the picture before is left where nothing changed.
    browser.find_element(By.ID, "difference").click()
    assert browser.execute_script("return getComputedStyle(after).mixBlendMode") == "difference"
    assert browser.execute_script("return after.style.clipPath") == "none"
    shot(browser, "difference")
    browser.find_element(By.ID, "difference").click()
    assert browser.execute_script("return getComputedStyle(after).mixBlendMode") == "normal"
    # One is saved under its name, all as a zip; the bytes are the server's.
    expected = [server.post("/restore", path.read_bytes()).body for path in paths]
    browser.find_element(By.ID, "save").click()
    assert downloaded(browser, "picture 1.png") == expected[1]
    browser.find_element(By.ID, "saveAll").click()
    archive = zipfile.ZipFile(io.BytesIO(downloaded(browser, "restored.zip")))
    assert archive.testzip() is None
    assert archive.namelist() == [path.name for path in paths]
    assert [archive.read(path.name) for path in paths] == expected
    assert complaints(browser) == []


def test_model_and_strength_are_sent(browser, server, tmp_path):
    opened(browser, server)
    browser.execute_script("model.value = 'denoise'; strength.value = 0.35; strength.dispatchEvent(new Event('input'))")
    browser.execute_script("format.value = 'jpg'")
    path = written(tmp_path, 1)[0]
    choose(browser, [path])
    until(browser, lambda: summary(browser).startswith("1 of 1 done"))
    browser.find_element(By.CSS_SELECTOR, "#list .keep").click()
    expected = server.post("/restore?model=denoise&strength=0.35&format=jpg", path.read_bytes()).body
    assert downloaded(browser, "picture 0.jpg") == expected


def test_a_drop_is_taken_and_a_broken_picture_is_said(browser, server, tmp_path):
    opened(browser, server)
    browser.execute_async_script("""
      const done = arguments[1];
      const bytes = Uint8Array.from(atob(arguments[0]), c => c.charCodeAt(0));
      const transfer = new DataTransfer();
      transfer.items.add(new File([bytes], "dropped.png"));
      transfer.items.add(new File([bytes.slice(0, 200)], "broken.png"));
      transfer.items.add(new File(["no picture"], "<b>text</b>.png"));
      document.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
      done();
    """, base64.b64encode(encoded(picture(60, 50))).decode())
    press_restore(browser)
    until(browser, lambda: "1 of 3 done" in summary(browser) and "2 failed" in summary(browser))
    assert browser.find_elements(By.CSS_SELECTOR, "#list .name")[2].text == "<b>text</b>.png"
    assert "first bytes" in states(browser)[2]
    browser.find_elements(By.CSS_SELECTOR, "#list .again")[1].click()
    until(browser, lambda: "2 failed" in summary(browser))
    shot(browser, "broken")
    assert complaints(browser) == []


def test_a_folder_is_taken_with_its_names(browser, server, tmp_path):
    opened(browser, server)
    assert text(browser, "promiseText") == "Nothing leaves this machine: pictures go to irserve on it and nowhere else."
    inner = tmp_path / "album" / "summer"
    inner.mkdir(parents=True)
    for path in (inner.parent / "a.png", inner / "a.png", inner / "b.jpg"):
        path.write_bytes(encoded(picture(40, 30), "JPEG" if path.suffix == ".jpg" else "PNG"))
    (inner / "notes.txt").write_text("no picture")
    browser.find_element(By.ID, "folder").send_keys(str(inner.parent))
    until(browser, lambda: len(states(browser)) == 3)
    press_restore(browser)
    until(browser, lambda: summary(browser).startswith("3 of 3 done"))
    browser.find_element(By.ID, "saveAll").click()
    names = zipfile.ZipFile(io.BytesIO(downloaded(browser, "restored.zip"))).namelist()
    assert sorted(names) == ["album/a.png", "album/summer/a.png", "album/summer/b.jpg"]


def test_progress_cancel_and_retry(browser, tmp_path):
    server = Server("-j", "1")
    try:
        opened(browser, server)
        paths = written(tmp_path, 5, 900, 700)
        choose(browser, paths)
        until(browser, lambda: any("is restored, " in state and "0 %" not in state.split(",")[1][:4] for state in states(browser)))
        shot(browser, "progress")
        # A picture that is cancelled has a preview again, which this test does not count.
        browser.find_element(By.ID, "isPreviewing").click()
        browser.find_element(By.ID, "cancelAll").click()
        until(browser, lambda: "to do" not in summary(browser))
        assert "cancelled" in summary(browser)
        end = time.time() + 10
        while server.metric("irserve_queue_running") and time.time() < end:
            time.sleep(0.1)
        assert server.metric("irserve_queue_running") == 0
        browser.find_elements(By.CSS_SELECTOR, "#list .again")[0].click()
        until(browser, lambda: states(browser)[0].startswith("done"))
    finally:
        server.stop()


def test_the_visible_part_is_previewed(browser, server, tmp_path):
    """A preview is the server's result for the part; a new wish ends the one before."""
    opened(browser, server)
    path = written(tmp_path, 1, 300, 200)[0]
    choose(browser, [path], restore=False)
    until(browser, lambda: not hidden(browser, "preview"))
    assert states(browser) == ["not restored yet"]
    assert text(browser, "previewState") == "Preview of the picture: restore, 100 %"
    browser.find_element(By.ID, "strength").send_keys(Keys.HOME)
    until(browser, lambda: text(browser, "previewState").endswith("restore, 0 %"))
    shot(browser, "preview")
    # Strength 0 gives the picture itself.
    assert same_pixels(browser, "preview", "before")
    browser.execute_script("model.value = 'denoise'; strength.value = 1; strength.dispatchEvent(new Event('input'))")
    until(browser, lambda: text(browser, "previewState").endswith("denoise, 100 %"))
    expected = server.post("/restore?model=denoise&strength=1&format=png", path.read_bytes()).pixels
    assert numpy.array_equal(pixels(browser, "preview"), expected)
    # The end of a quick series is what is shown, and the server was not asked for all of it.
    before = server.metric("irserve_restoration_seconds_count")
    for value in range(20):
        browser.execute_script("strength.value = arguments[0] / 20; strength.dispatchEvent(new Event('input'))", value)
    until(browser, lambda: text(browser, "previewState").endswith("denoise, 95 %"))
    assert server.metric("irserve_restoration_seconds_count") < before + 8
    browser.find_element(By.ID, "isPreviewing").click()
    assert hidden(browser, "preview") and hidden(browser, "previewState")
    assert complaints(browser) == []


def test_a_wish_that_is_taken_back_leaves_the_preview_before(browser, server, tmp_path):
    opened(browser, server)
    choose(browser, written(tmp_path, 1), restore=False)
    until(browser, lambda: text(browser, "previewState").endswith("restore, 100 %"))
    # The next preview never comes.
    browser.execute_script("""
      window.fetch = (_, { signal }) => new Promise((_, no) =>
        signal.addEventListener("abort", () => no(new DOMException("", "AbortError"))));
      strength.value = .5; strength.dispatchEvent(new Event("input"));""")
    until(browser, lambda: text(browser, "previewState") == "Preview…")
    browser.execute_script("strength.value = 1; strength.dispatchEvent(new Event('input'))")
    until(browser, lambda: text(browser, "previewState").endswith("restore, 100 %"), 20)
    assert not hidden(browser, "preview")


def test_a_preview_is_of_what_is_seen(browser, server, tmp_path):
    opened(browser, server)
    path = written(tmp_path, 1, 2400, 1800)[0]
    choose(browser, [path], restore=False)
    browser.find_element(By.ID, "full").click()
    until(browser, lambda: not hidden(browser, "preview"))
    browser.execute_script("pan(-look.x, -look.y)")
    # All that is seen, however slow the machine is: else the part is the middle of that.
    until(browser, lambda: browser.execute_script(
        "trialArea = 2e6; return !!trial && trial.left + trial.top === 0 && !preview.hidden && previewState.textContent === trial.text"))
    box = browser.execute_script("return [trial.width, trial.height]")
    assert box[0] * box[1] < 2e6 and box[0] < 2400
    source = numpy.asarray(Image.open(path))[:box[1], :box[0]]
    expected = server.post("/restore?format=png", encoded(Image.fromarray(source))).pixels
    assert numpy.array_equal(pixels(browser, "preview"), expected)


def test_a_preview_that_is_not_wanted_any_more_is_not_announced(browser, server, tmp_path):
    opened(browser, server)
    # No preview ever comes.
    browser.execute_script("""
      const own = window.fetch;
      window.fetch = (path, options) => !path.startsWith("/restore") ? own(path, options) : new Promise((_, no) =>
        options.signal.addEventListener("abort", () => no(new DOMException("", "AbortError"))));""")
    choose(browser, written(tmp_path, 1), restore=False)
    until(browser, lambda: text(browser, "previewState") == "Preview…" and not hidden(browser, "previewState"))
    browser.find_element(By.ID, "isPreviewing").click()
    assert hidden(browser, "previewState")
    browser.find_element(By.ID, "isPreviewing").click()
    until(browser, lambda: not hidden(browser, "previewState"))
    # A part of the picture that is nearly out of sight has none.
    browser.execute_script("zoom(16); pan(1e5, 1e5)")
    until(browser, lambda: hidden(browser, "previewState"))
    assert complaints(browser) == []


def test_routers_say_what_is_wrong(browser, server, tmp_path):
    if "daair-s5" not in [model["name"] for model in server.get("/models").json["models"]]:
        pytest.skip("the model with routers is not installed")
    opened(browser, server)
    choose(browser, written(tmp_path, 1, 256, 192), restore=False)
    until(browser, lambda: not hidden(browser, "findings"))
    assert text(browser, "findings").startswith("Seen in this part:") and "noise" in text(browser, "findings")
    shares = [meter.get_property("value") for meter in browser.find_elements(By.CSS_SELECTOR, "#findings meter")]
    assert shares == sorted(shares, reverse=True) and 0 < sum(shares) <= 1.001


def test_the_loupe_shows_a_place_twice(browser, server, tmp_path):
    opened(browser, server)
    choose(browser, written(tmp_path, 1, 320, 240))
    until(browser, lambda: summary(browser).startswith("1 of 1 done"))
    until(browser, lambda: not hidden(browser, "after"))
    browser.find_element(By.ID, "view").send_keys("l")
    assert not hidden(browser, "loupe")
    middle = browser.execute_script("""
      const canvas = loupe_canvas(), side = canvas.height, paint = canvas.getContext("2d");
      function loupe_canvas() { return document.querySelector("#loupe canvas"); }
      return [0.4, 1.4].map(x => [...paint.getImageData(x * side, 0.4 * side, 1, 1).data].slice(0, 3));""")
    shown = [pixels(browser, name) for name in ("before", "after")]
    for colour, image in zip(middle, shown):
        assert (numpy.abs(image.astype(int) - colour).max(-1) == 0).any()
    assert middle[0] != middle[1]
    browser.find_element(By.ID, "view").send_keys("l")
    assert hidden(browser, "loupe")


def test_a_result_with_a_warning_is_looked_at_before_it_is_saved(browser, server, tmp_path):
    """A dark picture that becomes much brighter is said, and asked for, before it is written."""
    opened(browser, server)
    browser.execute_script("model.value = 'daair-s5'")
    dark = tmp_path / "dark.png"
    dark.write_bytes(encoded(picture(256, 192).point(lambda level: level // 12)))
    choose(browser, [*written(tmp_path, 1, 256, 192), dark])
    until(browser, lambda: "done." in summary(browser) or "failed" in summary(browser))
    assert "look before you keep it" in states(browser)[1], states(browser)
    browser.find_element(By.ID, "saveAll").click()
    dialog = browser.find_element(By.ID, "question")
    assert dialog.is_displayed() and "dark.png: " in dialog.text
    shot(browser, "warning")
    browser.find_element(By.ID, "questionOthers").click()
    archive = zipfile.ZipFile(io.BytesIO(downloaded(browser, "restored.zip")))
    assert archive.namelist() == ["picture 0.png"]
    # Whoever looked at it is asked no more.
    browser.find_elements(By.CSS_SELECTOR, "#list .name")[1].click()
    assert browser.find_elements(By.CSS_SELECTOR, "#remarks .warning")
    browser.find_element(By.ID, "save").click()
    assert downloaded(browser, "dark.png")
    assert not dialog.is_displayed() and complaints(browser) == []


def test_settings_that_changed_restore_again(browser, server, tmp_path):
    opened(browser, server)
    choose(browser, written(tmp_path, 2))
    until(browser, lambda: summary(browser).startswith("2 of 2 done"))
    assert not browser.find_element(By.ID, "restore").is_enabled()
    browser.execute_script("strength.value = 0.5; strength.dispatchEvent(new Event('input'))")
    assert browser.find_element(By.ID, "restore").text == "Restore 2 pictures with these settings"
    press_restore(browser)
    until(browser, lambda: summary(browser).startswith("2 of 2 done"))
    browser.find_element(By.ID, "save").click()
    expected = server.post("/restore?strength=0.5", (tmp_path / "picture 0.png").read_bytes()).body
    assert downloaded(browser, "picture 0.png") == expected


def test_the_keyboard_alone_is_enough(browser, server, tmp_path):
    opened(browser, server)
    choose(browser, written(tmp_path, 3), restore=False)
    names = browser.find_elements(By.CSS_SELECTOR, "#list .name")
    # One picture is in the order of the tabulator.
    assert [name.get_attribute("tabindex") for name in names] == ["0", "-1", "-1"]
    browser.execute_script("arguments[0].focus()", names[0])
    active = lambda: browser.switch_to.active_element
    active().send_keys(Keys.ARROW_DOWN)
    assert active() == names[1] and names[1].get_attribute("aria-current") == "true"
    active().send_keys(Keys.END)
    assert active() == names[2]
    active().send_keys(Keys.DELETE)
    until(browser, lambda: len(states(browser)) == 2)
    assert active().text == "picture 1.png"
    for _ in range(10):
        active().send_keys(Keys.TAB)
        if active().get_attribute("id") == "restore":
            break
    active().send_keys(Keys.ENTER)
    until(browser, lambda: summary(browser).startswith("2 of 2 done"))
    until(browser, lambda: text(browser, "news") == "2 of 2 done.")


def test_everything_has_a_name_for_screen_readers(browser, server, tmp_path):
    opened(browser, server)
    choose(browser, written(tmp_path, 1))
    until(browser, lambda: summary(browser).startswith("1 of 1 done"))
    nodes = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    kinds = {"button", "checkbox", "combobox", "slider", "textbox", "list", "toolbar", "status", "image", "progressbar", "meter"}
    seen = {}
    for node in nodes:
        kind = node.get("role", {}).get("value")
        if node.get("ignored") or kind not in kinds:
            continue
        seen.setdefault(kind, []).append(node.get("name", {}).get("value", ""))
    assert {"button", "combobox", "slider", "checkbox", "list", "toolbar"} <= set(seen)
    unnamed = {kind: names for kind, names in seen.items() if kind != "status" and not all(names)}
    assert not unnamed, unnamed


def test_results_leave_the_disk_with_their_page(browser, server, tmp_path):
    """Results lie in the browser's storage; those of pages that are gone are removed."""
    opened(browser, server)
    folders = """
      const done = arguments[0];
      (async () => {
        const top = await (await navigator.storage.getDirectory()).getDirectoryHandle("irserve"), found = {};
        for await (const [name, folder] of top.entries()) {
          found[name] = 0;
          for await (const _ of folder.keys()) found[name] += 1;
        }
        done(found);
      })();"""
    choose(browser, written(tmp_path, 2))
    until(browser, lambda: summary(browser).startswith("2 of 2 done"))
    first = browser.execute_async_script(folders)
    assert list(first.values()) == [2]
    browser.find_element(By.CSS_SELECTOR, "#list .end").click()
    until(browser, lambda: list(browser.execute_async_script(folders).values()) == [1])
    browser.refresh()
    until(browser, lambda: len(browser.find_elements(By.CSS_SELECTOR, "#model option")) > 3)
    second = browser.execute_async_script(folders)
    assert not set(first) & set(second)


def test_a_full_disk_leaves_the_results_before_to_be_freed(browser, server, tmp_path):
    opened(browser, server)
    count = """
      const done = arguments[0];
      (async () => {
        let count = 0;
        for await (const _ of shelf.keys()) count += 1;
        done(count);
      })();"""
    paths = written(tmp_path, 2)
    choose(browser, paths[:1])
    until(browser, lambda: summary(browser).startswith("1 of 1 done"))
    assert browser.execute_async_script(count) == 1
    browser.execute_script("""
      FileSystemWritableFileStream.prototype.write = async () => { throw new DOMException("full", "QuotaExceededError"); };""")
    choose(browser, paths[1:])
    until(browser, lambda: summary(browser).startswith("2 of 2 done"))
    assert browser.execute_async_script(count) == 1
    browser.find_element(By.CSS_SELECTOR, "#list .end").click()
    until(browser, lambda: browser.execute_async_script(count) == 0)
    assert len(states(browser)) == 1


def test_two_tabs_do_not_mix(browser, server, tmp_path):
    opened(browser, server)
    first = browser.current_window_handle
    choose(browser, written(tmp_path, 2))
    browser.switch_to.new_window("tab")
    opened(browser, server)
    choose(browser, written(tmp_path, 3))
    until(browser, lambda: summary(browser).startswith("3 of 3 done"))
    browser.switch_to.window(first)
    until(browser, lambda: summary(browser).startswith("2 of 2 done"))
    # A page that is loaded again begins anew.
    browser.refresh()
    until(browser, lambda: summary(browser) == "No pictures yet.")


def test_a_hundred_pictures(browser, server, tmp_path):
    opened(browser, server)
    choose(browser, written(tmp_path, 100, 48, 40))
    until(browser, lambda: summary(browser).startswith("100 of 100 done"))
    assert all(state.startswith("done") for state in states(browser))


def test_the_server_restarts_meanwhile(browser, tmp_path):
    server = Server()
    again = None
    try:
        opened(browser, server)
        choose(browser, written(tmp_path, 12, 500, 400))
        until(browser, lambda: any(state.startswith("done") for state in states(browser)))
        server.stop(9)
        until(browser, lambda: any("not reachable" in state for state in states(browser)))
        again = Server("--port", str(server.port), wait=False)
        until(browser, lambda: summary(browser).startswith("12 of 12 done"))
    finally:
        server.stop()
        if again:
            again.stop()


def test_the_token_is_asked_for(browser, tmp_path):
    server = Server("--token", "a-secret-word")
    try:
        browser.get(server.url + "/")
        until(browser, lambda: "asks for a token" in summary(browser))
        browser.find_element(By.ID, "token").send_keys("a-secret-word\n")
        until(browser, lambda: summary(browser) == "No pictures yet.")
        choose(browser, written(tmp_path, 1))
        until(browser, lambda: summary(browser).startswith("1 of 1 done"))
    finally:
        server.stop()


def test_light_and_dark(browser, server, tmp_path):
    grounds = []
    for scheme in ("light", "dark"):
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
        opened(browser, server)
        grounds.append(browser.execute_script("return getComputedStyle(document.body).backgroundColor"))
        shot(browser, scheme)
    assert grounds[0] != grounds[1]


def test_the_page_is_whole_in_itself(server):
    answer = server.get("/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    text = answer.body.decode()
    assert "http://" not in text and "https://" not in text and "NONCE" not in text
    assert server.get("/").headers["Content-Security-Policy"] != policy
