/* What systemctl(1) says, where systemd runs on this machine. */
#include "doctor/systemctl.h"

#include <string.h>
#include <unistd.h>

#include "base/capture.h"

static const char *const places[] = { "/usr/bin/systemctl", "/bin/systemctl", NULL };

/* As sd_booted(3) finds out. */
static bool is_booted(void)
{
    return access("/run/systemd/system", F_OK) == 0;
}

bool systemctl_show(const char *name, const char *const properties[], char *ret, size_t size)
{
    const char *argv[SYSTEMCTL_PROPERTIES_MAX * 2 + 8] = { capture_tool(places), "show", "--no-pager" };
    size_t n = 3;

    if (argv[0] == NULL || !is_booted())
        return false;
    argv[n++] = "--property=LoadState";
    for (size_t i = 0; properties[i] != NULL && i < SYSTEMCTL_PROPERTIES_MAX; i++) {
        argv[n++] = "--property";
        argv[n++] = properties[i];
    }
    argv[n++] = "--";
    argv[n] = name;
    return capture(argv, ret, size) == 0;
}

bool systemctl_environment(char *ret, size_t size)
{
    const char *argv[] = { capture_tool(places), "show-environment", "--no-pager", NULL };

    return argv[0] != NULL && capture(argv, ret, size) == 0;
}

bool systemctl_enabled(const char *name, char *ret, size_t size)
{
    const char *argv[] = { capture_tool(places), "is-enabled", "--", name, NULL };
    int r;

    ret[0] = '\0';
    if (argv[0] == NULL || !is_booted())
        return false;
    /* systemctl fails for whatever is not enabled, and says what that is. */
    r = capture(argv, ret, size);
    if (r != 0 && r != LB_E_VALUE)
        ret[0] = '\0';
    ret[strcspn(ret, "\n")] = '\0';
    if (strcmp(ret, "not-found") == 0)
        ret[0] = '\0';
    return true;
}
