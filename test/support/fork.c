// Lets a process of Node that has loaded everything fork: a child costs some milliseconds, where a new process of Node costs hundreds.
#define NAPI_VERSION 8
#include <fcntl.h>
#include <node_api.h>
#include <stdint.h>
#include <stdio.h>
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
  int pid = fork();
  if (pid != 0) return number(env, pid);
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
