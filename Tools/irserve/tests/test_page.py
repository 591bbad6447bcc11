"""The page, in a headless browser. PAGE_PICTURES names a folder for screenshots."""
import io
import os
import time
import zipfile

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


def choose(browser, paths):
    browser.find_element(By.ID, "files").send_keys("\n".join(str(path) for path in paths))


def states(browser):
    return browser.execute_script(
        "return [...document.querySelectorAll('#list li')].map(item => item.querySelector('.state').textContent)")


def summary(browser):
    return browser.find_element(By.ID, "summary").text


def complaints(browser):
    """What the browser's console holds, but for requests that failed as they should."""
    return [entry["message"] for entry in browser.get_log("browser") if "Failed to load resource" not in entry["message"]]


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
    browser.find_element(By.ID, "difference").click()
    shot(browser, "difference")
    browser.find_element(By.ID, "difference").click()
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
    """, __import__("base64").b64encode(encoded(picture(60, 50))).decode())
    until(browser, lambda: "1 of 3 done" in summary(browser) and "2 failed" in summary(browser))
    assert browser.find_elements(By.CSS_SELECTOR, "#list .name")[2].text == "<b>text</b>.png"
    assert "first bytes" in states(browser)[2]
    browser.find_elements(By.CSS_SELECTOR, "#list .again")[1].click()
    until(browser, lambda: "2 failed" in summary(browser))
    shot(browser, "broken")
    assert complaints(browser) == []


def test_progress_cancel_and_retry(browser, tmp_path):
    server = Server("-j", "1")
    try:
        opened(browser, server)
        paths = written(tmp_path, 5, 900, 700)
        choose(browser, paths)
        until(browser, lambda: any("is restored, " in state and "0 %" not in state.split(",")[1][:4] for state in states(browser)))
        shot(browser, "progress")
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
