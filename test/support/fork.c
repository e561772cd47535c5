// Lets a process of Node that has loaded everything fork: a child costs some milliseconds, where a new process of Node costs hundreds.
#define NAPI_VERSION 8
#include <dirent.h>
#include <fcntl.h>
#include <node_api.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

static napi_value number(napi_env env, int value) {
  napi_value result;
  napi_create_int32(env, value, &result);
  return result;
}

static int connectedTo(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  return connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? fd : -1;
}

// V8 tells the kernel to leave its memory out of forks, which is what makes starting another program fast.
static void shareMemoryWithForks(void) {
  FILE *maps = fopen("/proc/self/maps", "r");
  char line[512];
  uintptr_t from, to;
  while (maps != NULL && fgets(line, sizeof line, maps) != NULL)
    if (sscanf(line, "%lx-%lx", &from, &to) == 2) madvise((void *)from, to - from, MADV_DOFORK);
  if (maps != NULL) fclose(maps);
}

// The condition variables that V8's threads wait at. A fork does not take these threads along, and whoever signals one that is gone
// waits for it some day: in the child nobody may seem to wait.
static pthread_cond_t *awaited[64];
static int awaitedCount;

// Where glibc has one whose futex, one of the last two words, is at this address; NULL where a semaphore or a mutex is.
static pthread_cond_t *conditionAt(uintptr_t futex) {
  pthread_cond_t *condition = (pthread_cond_t *)(futex - 40 - futex % 8);
  unsigned *word = (unsigned *)condition;
  unsigned waiting = word[9] >> 3;
  return waiting > 0 && waiting < 100 && (word[4] >> 1) + (word[5] >> 1) == waiting ? condition : NULL;
}

static void findAwaited(void) {
  DIR *tasks = opendir("/proc/self/task");
  struct dirent *task;
  char path[300], line[128];
  uintptr_t futex;
  awaitedCount = 0;
  while (tasks != NULL && (task = readdir(tasks)) != NULL) {
    int thread = atoi(task->d_name);
    if (thread == 0 || thread == getpid()) continue;
    snprintf(path, sizeof path, "/proc/self/task/%d/syscall", thread);
    FILE *file = fopen(path, "r");
    if (file == NULL) continue;
    if (fgets(line, sizeof line, file) != NULL && sscanf(line, "202 %lx", &futex) == 1) {
      pthread_cond_t *condition = conditionAt(futex);
      if (condition != NULL && awaitedCount < 64) awaited[awaitedCount++] = condition;
    }
    fclose(file);
  }
  if (tasks != NULL) closedir(tasks);
}

static void forgetAwaited(void) {
  for (int i = 0; i < awaitedCount; i++) {
    unsigned *word = (unsigned *)awaited[i];
    unsigned kept = word[9] & 7;
    memset(word, 0, sizeof *awaited[i]);
    word[9] = kept;
  }
}

// (path of a socket that becomes standard output, name of the process) -> the child's pid, in the child with a minus.
static napi_value forkHere(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value given[2];
  char path[108], name[16];
  napi_get_cb_info(env, info, &count, given, NULL, NULL);
  napi_get_value_string_utf8(env, given[0], path, sizeof path, NULL);
  napi_get_value_string_utf8(env, given[1], name, sizeof name, NULL);
  uv_loop_t *loop;
  napi_get_uv_event_loop(env, &loop);
  shareMemoryWithForks();
  findAwaited();
  int pid = fork();
  if (pid != 0) return number(env, pid);
  forgetAwaited();
  int input = open("/dev/null", O_RDONLY), output = connectedTo(path);
  if (input < 0 || output < 0 || uv_loop_fork(loop) != 0) _exit(70);
  dup2(input, 0);
  dup2(output, 1);
  close(input);
  close(output);
  prctl(PR_SET_NAME, name);
  return number(env, -getpid());
}

// (pid) -> its exit code, or minus the signal that ended it.
static napi_value waitFor(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value given[1];
  int pid, status = 0;
  napi_get_cb_info(env, info, &count, given, NULL, NULL);
  napi_get_value_int32(env, given[0], &pid);
  if (waitpid(pid, &status, 0) != pid) return number(env, -1000);
  return number(env, WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
}

// (code): ends the process without a teardown, which would wait for threads that the fork did not take along.
static napi_value leave(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value given[1];
  int code = 0;
  napi_get_cb_info(env, info, &count, given, NULL, NULL);
  napi_get_value_int32(env, given[0], &code);
  _exit(code);
}

NAPI_MODULE_INIT() {
  napi_property_descriptor methods[] = {
      {"fork", NULL, forkHere, NULL, NULL, NULL, napi_default, NULL},
      {"waitFor", NULL, waitFor, NULL, NULL, NULL, napi_default, NULL},
      {"leave", NULL, leave, NULL, NULL, NULL, napi_default, NULL},
  };
  napi_define_properties(env, exports, 3, methods);
  return exports;
}
