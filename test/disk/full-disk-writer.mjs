// Writes more than the file size limit of this process allows and says what came of it. Arguments: URL of
// the built node-disk module, path of the file to make.
const [module, path] = process.argv.slice(2);
const { NodeDisk } = await import(module);
const file = await new NodeDisk().open(path, "create");
try {
  file.writeSync(new Uint8Array(8192).fill(1), 0);
  process.stdout.write(JSON.stringify({ code: "none" }));
} catch (error) {
  const { code, retryable, details } = error;
  process.stdout.write(JSON.stringify({ code, retryable, details, bytes: await file.size() }));
}
await file.close();
