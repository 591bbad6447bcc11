// Comparing: `look` places the stage, whose unit is a pixel of the picture.

const look = { scale: 1, x: 0, y: 0, mode: "fit" };
let size = null;
const ratio = () => window.devicePixelRatio || 1;
const isOn = id => $(id).getAttribute("aria-pressed") === "true";

function freeURLs(job) {
  for (const key of ["beforeURL", "afterURL"]) if (job[key]) { URL.revokeObjectURL(job[key]); job[key] = null; }
}

/** Shows a picture. `isLooked` is false where another one's place is only prepared. */
function choose(job, isLooked = true) {
  const before = chosen;
  const isNew = before !== job;
  if (before && isNew) freeURLs(before);
  chosen = job;
  if (before && isNew) show(before);
  if (isNew) endPreview();
  $("save").disabled = !(job && job.result);
  $("hint").hidden = !!job;
  $("view").classList.toggle("empty", !job);
  later(summarize);
  if (isNew) { size = null; look.mode = "fit"; $("before").hidden = true; }
  if (isNew || !job || !job.result) { $("after").hidden = true; $("after").removeAttribute("src"); }
  $("shown").hidden = !job;
  if (!job) { $("before").removeAttribute("src"); remarks(); return place(); }
  show(job);
  job.item.scrollIntoView({ block: "nearest" });
  if (job.result && isLooked) job.isSeen = true;
  $("shown").textContent = $("shown").title = job.name + (job.report ? ` · ${job.report.width}×${job.report.height} · ${job.report.model}` : "");
  remarks();
  if (!job.beforeURL) job.beforeURL = URL.createObjectURL(job.file);
  if (isNew) load($("before"), job.beforeURL, job);
  if (job.result) {
    if (!job.afterURL) job.afterURL = URL.createObjectURL(job.result);
    load($("after"), job.afterURL, job);
  }
  place();
  wantPreview();
}

/** Sentences about the chosen picture and its preview. */
function remarks(extra = []) {
  const list = [];
  if (chosen) {
    if (chosen.state === "failed") list.push([chosen.error, "failure"]);
    const isHere = chosen.report && !isPreviewShown();
    for (const { sentence } of isHere ? chosen.report.warnings : []) list.push([sentence, "warning"]);
    for (const note of isHere ? chosen.report.notes : []) list.push([note, ""]);
    for (const { sentence } of isPreviewShown() ? trial.report.warnings : []) list.push([`Preview: ${sentence}`, "warning"]);
    list.push(...(chosen.troubles || []).map(text => [text, ""]), ...extra);
  }
  $("remarks").replaceChildren(...list.map(([text, kind]) => {
    const item = document.createElement("li");
    [item.textContent, item.className] = [text, kind];
    return item;
  }));
  $("report").hidden = !chosen;
}

async function load(image, url, job) {
  image.src = url;
  try { await image.decode(); } catch {
    if (chosen !== job || image.src !== url) return;
    job.troubles = [...new Set([...(job.troubles || []),
      `This browser does not show ${image.id === "before" ? "the picture" : "the result"}; restoring and saving work.`])];
    return remarks();
  }
  if (chosen !== job || image.src !== url) return;
  image.hidden = false;
  // An enlarged result has its own pixels.
  if (image.id === "after" || !size || $("after").hidden) measure(image);
  if (look.mode === "fit") fit(); else place();
  if (image.id === "before") wantPreview();
}

function measure(image) {
  const old = size;
  size = { width: image.naturalWidth, height: image.naturalHeight };
  for (const id of ["before", "after"]) { $(id).width = size.width; $(id).height = size.height; }
  if (old && old.width !== size.width) look.scale *= old.width / size.width;
}

function fit() {
  look.mode = "fit";
  if (!size) return place();
  const { clientWidth, clientHeight } = $("view");
  look.scale = Math.min(clientWidth / size.width, clientHeight / size.height, 1 / ratio());
  look.x = (clientWidth - size.width * look.scale) / 2;
  look.y = (clientHeight - size.height * look.scale) / 2;
  place();
  wantPreview();
}

function zoom(scale, x = $("view").clientWidth / 2, y = $("view").clientHeight / 2) {
  scale = Math.min(16, Math.max(0.02, scale));
  look.x = x - (x - look.x) * scale / look.scale;
  look.y = y - (y - look.y) * scale / look.scale;
  look.scale = scale;
  look.mode = "free";
  place();
  wantPreview();
}

function pan(x, y) {
  look.x += x;
  look.y += y;
  look.mode = "free";
  place();
  wantPreview();
}

/** Puts everything on the view at its place. A picture's pixel is a pixel of the screen at 100 %. */
function place() {
  // Some of the picture stays in sight.
  const rest = 48;
  if (size) {
    look.x = Math.min($("view").clientWidth - rest, Math.max(rest - size.width * look.scale, look.x));
    look.y = Math.min($("view").clientHeight - rest, Math.max(rest - size.height * look.scale, look.y));
  }
  $("stage").style.transform = `translate(${look.x}px, ${look.y}px) scale(${look.scale})`;
  $("stage").classList.toggle("large", look.scale * ratio() >= 2);
  for (const [id, on] of [["fit", look.mode === "fit"], ["full", look.mode !== "fit" && Math.abs(look.scale * ratio() - 1) < .001],
    ["twice", look.mode !== "fit" && Math.abs(look.scale * ratio() - 2) < .001]]) $(id).setAttribute("aria-pressed", on);
  const isDifference = $("view").classList.contains("difference");
  const edge = $("view").clientWidth * $("slider").value / 100;
  const at = (edge - look.x) / look.scale;
  const cut = (image, left, width) => { image.style.clipPath = isDifference ? "none" : `inset(0 0 0 ${Math.min(width, Math.max(0, at - left))}px)`; };
  if (size) cut($("after"), 0, size.width);
  const isPreview = isPreviewShown();
  $("preview").hidden = !isPreview;
  $("after").classList.toggle("old", isPreview);
  $("after").style.visibility = isPreview ? "hidden" : "";
  if (isPreview) cut($("preview"), trial.left, trial.width);
  const isPart = isPreview && size && trial.width * trial.height < size.width * size.height;
  $("view").classList.toggle("partly", !!isPart && !isDifference);
  if (isPart) for (const [name, value] of [["left", trial.left], ["top", trial.top], ["width", trial.width], ["height", trial.height]])
    $("view").style.setProperty(`--${name}`, `${value}px`);
  $("view").style.setProperty("--scale", look.scale);
  const hasTwo = isPreview || !$("after").hidden;
  $("line").hidden = isDifference || !hasTwo;
  $("line").style.left = `${edge}px`;
  $("isBefore").hidden = isDifference || $("before").hidden || (hasTwo && edge < 90);
  $("isAfter").hidden = isDifference || !hasTwo || $("view").clientWidth - edge < 90;
  $("isAfter").textContent = isPreview ? "Preview" : "After";
  drawLoupe();
}

function press(id, value) { $(id).setAttribute("aria-pressed", value); }
function setSlider(value) { $("slider").value = value; place(); }

$("fit").addEventListener("click", fit);
$("full").addEventListener("click", () => zoom(1 / ratio()));
$("twice").addEventListener("click", () => zoom(2 / ratio()));
$("slider").addEventListener("input", place);
$("difference").addEventListener("click", () => {
  press("difference", $("view").classList.toggle("difference"));
  place();
});
$("view").addEventListener("wheel", event => {
  event.preventDefault();
  const box = $("view").getBoundingClientRect();
  zoom(look.scale * Math.exp(-event.deltaY / 400), event.clientX - box.left, event.clientY - box.top);
}, { passive: false });
let grip = null;
$("view").addEventListener("pointerdown", event => {
  const box = $("view").getBoundingClientRect();
  const edge = box.width * $("slider").value / 100;
  grip = { x: event.clientX, y: event.clientY, isLine: !$("line").hidden && Math.abs(event.clientX - box.left - edge) < 16 };
  $("view").setPointerCapture(event.pointerId);
  $("view").classList.add("panning");
});
$("view").addEventListener("pointermove", event => {
  const box = $("view").getBoundingClientRect();
  pointer = { x: event.clientX - box.left, y: event.clientY - box.top };
  if (!grip) return drawLoupe();
  if (grip.isLine) return setSlider(100 * (event.clientX - box.left) / box.width);
  pan(event.clientX - grip.x, event.clientY - grip.y);
  [grip.x, grip.y] = [event.clientX, event.clientY];
});
for (const name of ["pointerup", "pointercancel"]) $("view").addEventListener(name, () => { grip = null; $("view").classList.remove("panning"); });
$("view").addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const step = 60;
  const act = { "+": () => zoom(look.scale * 1.25), "=": () => zoom(look.scale * 1.25), "-": () => zoom(look.scale / 1.25),
    0: fit, 1: () => $("full").click(), 2: () => $("twice").click(), d: () => $("difference").click(), l: () => $("isMagnifying").click(),
    p: () => $("isPreviewing").click(), b: () => setSlider($("slider").value > 50 ? 0 : 100),
    ArrowLeft: () => pan(step, 0), ArrowRight: () => pan(-step, 0), ArrowUp: () => pan(0, step), ArrowDown: () => pan(0, -step) }[event.key];
  if (act) { event.preventDefault(); act(); }
});
new ResizeObserver(() => look.mode === "fit" ? fit() : place()).observe($("view"));

// The loupe: the same place before and after, side by side.

const loupe = { side: 170, factor: 4 };
let pointer = null;

$("isMagnifying").addEventListener("click", () => { press("isMagnifying", !isOn("isMagnifying")); place(); });
$("view").addEventListener("pointerleave", () => { pointer = null; drawLoupe(); });

function drawLoupe() {
  const figure = $("loupe");
  figure.hidden = !isOn("isMagnifying") || !size || $("before").hidden;
  if (figure.hidden) return;
  const { clientWidth, clientHeight } = $("view");
  const { x, y } = pointer || { x: clientWidth / 2, y: clientHeight / 2 };
  const canvas = figure.firstElementChild;
  const side = Math.round(loupe.side * ratio());
  if (canvas.width !== 2 * side) [canvas.width, canvas.height] = [2 * side, side];
  const paint = canvas.getContext("2d");
  paint.fillStyle = "#000";
  paint.fillRect(0, 0, 2 * side, side);
  paint.imageSmoothingEnabled = false;
  // Pixels of the picture in the loupe.
  const span = side / Math.max(loupe.factor, 2 * look.scale * ratio());
  const [left, top] = [(x - look.x) / look.scale - span / 2, (y - look.y) / look.scale - span / 2];
  const draw = (image, at, x0, y0, width) => {
    if (image.hidden || !image.naturalWidth) return;
    const unit = image.naturalWidth / width;
    paint.save();
    paint.beginPath();
    paint.rect(at, 0, side, side);
    paint.clip();
    paint.drawImage(image, (left - x0) * unit, (top - y0) * unit, span * unit, span * unit, at, 0, side, side);
    paint.restore();
  };
  draw($("before"), 0, 0, 0, size.width);
  if (isPreviewShown()) draw($("preview"), side, trial.left, trial.top, trial.width);
  else draw($("after"), side, 0, 0, size.width);
  paint.fillStyle = "#fff";
  paint.fillRect(side - 1, 0, 2, side);
  const [width, height] = [2 * loupe.side, loupe.side + 22];
  const across = x + 24 + width > clientWidth ? x - 24 - width : x + 24;
  const down = y + 24 + height > clientHeight ? y - 24 - height : y + 24;
  figure.style.transform = `translate(${Math.max(4, across)}px, ${Math.max(4, down)}px)`;
}
