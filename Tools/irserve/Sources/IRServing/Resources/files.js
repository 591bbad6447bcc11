// Files

$("choose").addEventListener("click", () => $("files").click());
$("chooseFolder").addEventListener("click", () => $("folder").click());
const suffixes = /\.(jpe?g|jpe|jfif|png|tiff?|webp|avif|heic|heif|jxl|ppm|pgm|bmp)$/i;
for (const id of ["files", "folder"]) $(id).addEventListener("change", () => {
  for (const file of $(id).files) if (id === "files" || suffixes.test(file.name)) add(file);
  $(id).value = "";
});

async function walk(entry, path) {
  if (entry.isFile) {
    const file = await new Promise((yes, no) => entry.file(yes, no));
    if (!path || suffixes.test(file.name)) add(file, path + file.name);
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const entries = await new Promise((yes, no) => reader.readEntries(yes, no));
    if (!entries.length) break;
    for (const inner of entries) await walk(inner, `${path}${entry.name}/`);
  }
}
for (const name of ["dragenter", "dragover"]) document.addEventListener(name, event => { event.preventDefault(); $("drop").classList.add("over"); });
for (const name of ["dragleave", "drop"]) document.addEventListener(name, event => { event.preventDefault(); $("drop").classList.remove("over"); });
document.addEventListener("drop", async event => {
  const items = [...event.dataTransfer.items].map(item => item.webkitGetAsEntry && item.webkitGetAsEntry());
  const files = [...event.dataTransfer.files];
  if (items.some(item => item)) for (const item of items) { if (item) await walk(item, "").catch(() => {}); }
  else for (const file of files) add(file);
});

$("auto").checked = localStorage.getItem("auto") === "yes";
$("auto").addEventListener("change", () => localStorage.setItem("auto", $("auto").checked ? "yes" : "no"));
const isOwn = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
$("promiseText").textContent = isOwn ? "Nothing leaves this machine: pictures go to irserve on it and nowhere else."
  : `Pictures go to the server ${location.hostname} and nowhere else.`;
openShelf().then(start);
