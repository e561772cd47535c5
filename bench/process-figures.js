// What the system and Node tell about this process: memory at its most, bytes written, blocks of the event loop.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";

const loopResolutionMs = 1;
const settleMs = 20;

/**
 * Resident memory at its most so far, in bytes. The kernel's high-water mark of this very program where there is one:
 * `maxRSS` goes on from what the parent had resident when it forked.
 */
export function residentMaxBytes() {
  return statusBytes("VmHWM") ?? process.resourceUsage().maxRSS * 1024;
}

/** Resident memory now, and how much of it is no mapped file, in bytes. */
export function residentNow() {
  const { rss } = process.memoryUsage();
  return { bytes: rss, anonymousBytes: statusBytes("RssAnon") ?? rss };
}

/** Resident memory of another process in bytes; undefined where that is not told. */
export function residentOf(pid) {
  const text = procText(`/proc/${pid}/status`);
  return text === undefined ? undefined : fieldBytes(text, "VmRSS");
}

/**
 * Bytes that this process, its threads included, gave to write calls, and bytes it made the system write to the
 * disk: whole pages, each counted once until it is written back. Undefined where there is no /proc.
 */
export function writtenBytes() {
  const text = procText("/proc/self/io");
  if (text === undefined) return undefined;
  const field = (name) => Number(new RegExp(`^${name}: (\\d+)$`, "m").exec(text)?.[1]);
  return {
    calls: field("wchar"),
    disk: field("write_bytes") - field("cancelled_write_bytes"),
  };
}

/**
 * Begins to watch the event loop; the function that it resolves to ends that and resolves to the delays in ms. A timer
 * of `resolutionMs` tells how late it fired. Its period is taken off, so that a loop at rest shows 0; a block is then
 * shown by up to that much shorter than it was.
 */
export async function watchEventLoop() {
  const delays = monitorEventLoopDelay({ resolution: loopResolutionMs });
  delays.enable();
  // What blocks at once or last is seen only between two firings: these few of a loop at rest count too.
  await setTimeout(settleMs);
  return async () => {
    await setTimeout(settleMs);
    delays.disable();
    const late = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - loopResolutionMs);
    return {
      p99Ms: late(delays.percentile(99)),
      p999Ms: late(delays.percentile(99.9)),
      maxMs: late(delays.max),
      firings: delays.count,
      resolutionMs: loopResolutionMs,
    };
  };
}

/** What the file system keeps for a directory: a file extended ahead of its data is counted by its blocks. */
export function bytesBelow(path) {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => statSync(join(entry.parentPath, entry.name)))
    .reduce((sum, stat) => sum + (stat.blocks === undefined ? stat.size : stat.blocks * 512), 0);
}

function statusBytes(name) {
  const text = procText("/proc/self/status");
  return text === undefined ? undefined : fieldBytes(text, name);
}

function fieldBytes(text, name) {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text);
  return match === null ? undefined : Number(match[1]) * 1024;
}

function procText(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
