// Results lie in the browser's storage on the disk where it has one, else in its memory.

const shelfName = "irserve";
let shelf = null, isFull = false;

/** Makes this tab's folder, and removes those of tabs that are gone: a tab that lives holds a lock. */
async function openShelf() {
  try {
    await new Promise((yes, no) => navigator.locks.request(`${shelfName}-${page}`, () => {
      yes();
      return new Promise(() => {});
    }).catch(no));
    const top = await (await navigator.storage.getDirectory()).getDirectoryHandle(shelfName, { create: true });
    const { held } = await navigator.locks.query();
    const alive = new Set(held.map(lock => lock.name));
    for await (const name of top.keys())
      if (!alive.has(`${shelfName}-${name}`)) await top.removeEntry(name, { recursive: true }).catch(() => {});
    shelf = await top.getDirectoryHandle(page, { create: true });
  } catch { /* This browser has none, or has none for this address. */ }
}

const table = Uint32Array.from({ length: 256 }, (_, n) => { for (let k = 0; k < 8; k++) n = n & 1 ? 0xEDB88320 ^ (n >>> 1) : n >>> 1; return n; });

/** An answer's body as a blob, with its checksum. */
async function keep(name, answer) {
  const type = answer.headers.get("Content-Type");
  let crc = ~0, out = null, handle = null;
  if (shelf && !isFull) {
    try {
      handle = await shelf.getFileHandle(name, { create: true });
      out = await handle.createWritable();
    } catch {
      isFull = true;
      await discard(name);
    }
  }
  const pieces = [];
  try {
    const reader = answer.body.getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      for (const byte of value) crc = table[(crc ^ byte) & 255] ^ (crc >>> 8);
      if (out) await out.write(value); else pieces.push(value);
    }
    if (!out) return { blob: new Blob(pieces, { type }), crc: ~crc >>> 0 };
    await out.close();
  } catch (error) {
    if (out) {
      await out.abort().catch(() => {});
      await discard(name);
    }
    // A disk without place: the next results go to the memory, and those that lie there stay till discarded.
    if (error.name === "QuotaExceededError") isFull = true;
    throw error;
  }
  const file = await handle.getFile();
  return { blob: file.slice(0, file.size, type), crc: ~crc >>> 0 };
}

async function discard(name) { if (shelf) await shelf.removeEntry(name).catch(() => {}); }
