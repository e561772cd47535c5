// A process that takes the lock of a directory, says how it went in one line, and holds it until killed
// or told to release. Arguments: URL of the built node-disk module, directory, holder, lock method.
const [module, directory, holder, lockMethod] = process.argv.slice(2);
const { NodeDisk } = await import(module);
const disk = new NodeDisk({ lockMethod });
const keepAlive = setInterval(() => {}, 1000);

function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

try {
  const lock = await disk.lock(directory, holder);
  say({ locked: true, pid: process.pid });
  process.stdin.once("data", async () => {
    await lock.release();
    say({ released: true });
    process.exit(0);
  });
} catch (error) {
  say({ locked: false, code: error.code, details: error.details });
  process.stdin.destroy();
  clearInterval(keepAlive);
}
