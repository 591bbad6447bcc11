"""The memory of the page with many large pictures. PAGE_COUNT says how many, 24 by default."""
import os
import pathlib
import subprocess
import threading
import time
import zipfile

import numpy
from PIL import Image
from selenium.webdriver.common.by import By

from conftest import Server, tiny_model
from test_page import browser, choose, complaints, opened, states, summary, until  # noqa: F401

COUNT = int(os.environ.get("PAGE_COUNT", "24"))
# Two pictures of 12 megapixels that are compared have 96 MB, one that is made small 48 MB. What the page holds is anonymous;
# decoded pictures that it left lie in shared memory, which the browser bounds and gives back when memory is short.
OWN_GROWTH, GROWTH = 350 << 20, 1100 << 20


def descendants(pid):
    text = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = dict(map(int, line.split()) for line in text.splitlines())
    found, more = set(), {pid}
    while more:
        found |= more
        more = {child for child, parent in parents.items() if parent in more} - found
    return found - {pid}


def proportional(pid):
    """The anonymous and the whole memory of a process; what several share counts once in their sum."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return numpy.zeros(2, int)
    sizes = {line.split()[0]: int(line.split()[1]) << 10 for line in lines}
    return numpy.array([sizes.get("Pss_Anon:", 0), sizes.get("Pss:", 0)])


class Watch:
    """The largest memory of the browser's processes together."""

    def __init__(self, browser):
        self.pid, self.largest, self.isOver = browser.service.process.pid, numpy.zeros(2, int), False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def now(self):
        return sum((proportional(pid) for pid in descendants(self.pid)), numpy.zeros(2, int))

    def run(self):
        while not self.isOver:
            self.largest = numpy.maximum(self.largest, self.now())
            time.sleep(0.3)

    def end(self):
        self.isOver = True
        self.thread.join()
        return self.largest


def test_many_large_pictures_take_no_more_memory_than_some(browser, tmp_path):  # noqa: F811
    models = tmp_path / "models"
    models.mkdir()
    (models / "copy.onnx").write_bytes(tiny_model())
    generator = numpy.random.default_rng(5)
    y, x = numpy.mgrid[0:3000, 0:4000].astype(numpy.float32)
    sources = []
    for index in range(3):
        smooth = 128 + 60 * numpy.sin(x / (97 + index)) * numpy.cos(y / 71)
        grain = generator.normal(0, 9, (3000, 4000, 3)).astype(numpy.float32)
        sources.append(tmp_path / f"source-{index}.jpg")
        Image.fromarray(numpy.clip(smooth[..., None] + grain, 0, 255).astype(numpy.uint8)).save(sources[-1], quality=85)
    paths = [tmp_path / f"picture {index:03}.jpg" for index in range(COUNT)]
    for index, path in enumerate(paths):
        os.link(sources[index % 3], path)
    server = Server("--models", str(models), "--memory", "2G", "--timeout", "600")
    watch = None
    try:
        opened(browser, server)
        browser.execute_script("model.value = 'copy'")
        assert browser.execute_script("return model.value") == "copy"
        if COUNT <= 100:
            # Results without loss have some 25 MB each: kept in memory they would show.
            browser.execute_script("format.value = 'png'")
        time.sleep(2)
        watch = Watch(browser)
        before = watch.now()
        choose(browser, paths)
        end = time.time() + 60 * COUNT
        place = 0
        while not summary(browser).startswith(f"{COUNT} of {COUNT} done"):
            assert time.time() < end, summary(browser)
            assert "failed" not in summary(browser), [state for state in states(browser) if "done" not in state][:3]
            # Somebody looks through the list and at pictures meanwhile.
            place = (place + 7) % COUNT
            browser.execute_script("const item = list.children[arguments[0]]; item.querySelector('.name').click()", place)
            time.sleep(1)
        # All small pictures are there in the end.
        for item in range(0, COUNT, 4):
            browser.execute_script("list.children[arguments[0]].scrollIntoView()", item)
            time.sleep(0.05)
        until(browser, lambda: browser.execute_script(
            "return document.querySelectorAll('#list .thumb img:not([hidden])').length") == COUNT, 60 * COUNT)
        own, growth = watch.end() - before
        print(f"{COUNT} pictures: {before[1] >> 20} MiB before; at most {own >> 20} MiB more of its own, {growth >> 20} MiB in all")
        if COUNT <= 100:
            browser.find_element(By.ID, "saveAll").click()
            until(browser, lambda: (browser.downloads / "restored.zip").exists())
            names = zipfile.ZipFile(browser.downloads / "restored.zip").namelist()
            assert names == [path.stem + ".png" for path in paths]
        assert own < OWN_GROWTH and growth < GROWTH
        assert complaints(browser) == []
    finally:
        if watch:
            watch.end()
        server.stop()
