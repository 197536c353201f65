/* What the keeper can still do. */
#include "daemon/keeper_sandbox.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include "daemon/landlock.h"
#include "daemon/sandbox_priv.h"

/*
 * All else is allowed. The filter is inherited by the child and the usher, whose own ones are narrow, and the child's start may ask
 * for users' names in ways of the system's choice (nsswitch.conf(5)).
 */
static const int refused[] = {
    SANDBOX_ATTACKS,
    SCMP_SYS(pidfd_open), SCMP_SYS(process_madvise), SCMP_SYS(name_to_handle_at), SCMP_SYS(mount_setattr),
    /* the clock, names, devices of the machine */
    SCMP_SYS(clock_settime), SCMP_SYS(settimeofday), SCMP_SYS(adjtimex), SCMP_SYS(clock_adjtime), SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname), SCMP_SYS(acct), SCMP_SYS(quotactl), SCMP_SYS(syslog), SCMP_SYS(vhangup), SCMP_SYS(iopl), SCMP_SYS(ioperm),
    SCMP_SYS(mknod), SCMP_SYS(mknodat), SCMP_SYS(lookup_dcookie),
};

/* What a terminal takes for typed; a process that was started from one could type there. */
static const unsigned refused_ioctl[] = { TIOCSTI, 0x541c /* TIOCLINUX */ };

/* To be dumpable, and to name a process that may trace this one. */
#define PR_SET_PTRACER_ 0x59616d61

/* A question that no kernel knows, and its answer by this filter. */
#define QUESTION 0x4c424b53 /* "LBKS" */
#define ANSWER ECANCELED

static bool is_there(void)
{
    return prctl(QUESTION, 0, 0, 0, 0) < 0 && errno == ANSWER;
}

static int add_rules(scmp_filter_ctx filter)
{
    const uint32_t no = SCMP_ACT_ERRNO(EPERM);
    int r = 0;

    for (size_t i = 0; r == 0 && i < sizeof(refused) / sizeof(refused[0]); i++)
        r = seccomp_rule_add(filter, no, refused[i], 0);
    for (size_t i = 0; r == 0 && i < sizeof(refused_ioctl) / sizeof(refused_ioctl[0]); i++)
        r = seccomp_rule_add(filter, no, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, refused_ioctl[i]));
    if (r == 0)
        r = seccomp_rule_add(filter, no, SCMP_SYS(prctl), 2, SCMP_A0(SCMP_CMP_EQ, PR_SET_DUMPABLE, 0), SCMP_A1(SCMP_CMP_NE, 0, 0));
    if (r == 0)
        r = seccomp_rule_add(filter, no, SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_PTRACER_, 0));
    if (r == 0)
        r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ANSWER), SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, QUESTION, 0));
    /* A process with namespaces of its own. No filter can see the flags of clone3; without it the C library uses clone. */
    for (unsigned flag = 1u << 8; r == 0 && flag != 0; flag <<= 1) {
        if ((CLONE_SPACES & flag) != 0)
            r = seccomp_rule_add(filter, no, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, flag, flag));
    }
    return r != 0 ? r : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

static int load_filter(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int r = filter == NULL ? -ENOMEM : 0;

    /* no_new_privs is set: this process has no other way to a filter, nor may it have one. */
    if (r == 0)
        r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
    if (r == 0)
        r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (r == 0)
        r = add_rules(filter);
    if (r == 0)
        r = seccomp_load(filter);
    if (filter != NULL)
        seccomp_release(filter);
    errno = -r;
    return r == 0 ? 0 : LB_E_SYSTEM;
}

int keeper_sandbox_enter(const char *program)
{
    int r = 0;

    /* A filter more would cost each process of the box a little at each call, and Landlock has room for 16 layers. */
    if (!is_there())
        r = landlock_enter_keeper(program);
    return r != 0 || is_there() ? r : load_filter();
}
