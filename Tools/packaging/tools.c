// The program of all tools: it is the one whose name it has. Packages hold it once, under hard links, since
// the tools are mostly the same code. Tools/package links it.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EVERY(tool) tool(irrun) tool(irdump) tool(irexport) tool(irtrain) tool(irdegrade) tool(irquality)

#define DECLARATION(name) int name##_main(int count, char **arguments);
EVERY(DECLARATION)

static const struct {
  const char *name;
  int (*main)(int count, char **arguments);
} tools[] = {
#define ROW(name) {#name, name##_main},
  EVERY(ROW)};

int main(int count, char **arguments) {
  // The file's own name, whatever link leads to it.
  char file[4096] = "";
  ssize_t length = readlink("/proc/self/exe", file, sizeof file - 1);
  file[length > 0 ? length : 0] = '\0';
  const char *paths[] = {file, count > 0 ? arguments[0] : ""};
  for (int i = 0; i < 2; i++) {
    const char *slash = strrchr(paths[i], '/');
    const char *name = slash ? slash + 1 : paths[i];
    for (size_t tool = 0; tool < sizeof tools / sizeof *tools; tool++)
      if (!strcmp(name, tools[tool].name)) return tools[tool].main(count, arguments);
  }
#define NAME(name) " " #name
  fputs("irkit's tools are chosen by the file's name, which is not one of" EVERY(NAME) "\n", stderr);
  return 2;
}
