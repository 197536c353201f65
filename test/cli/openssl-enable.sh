#!/usr/bin/env bash
# openssl status, enable, disable: what is written, what is refused, and that it all comes out again. Never the system's own file.
set -eu
# shellcheck source=../harness/lib.sh
. "$(dirname "$0")/../harness/lib.sh"
begin_cli
command -v openssl >/dev/null || fail "openssl is not installed"
cd "$T"
MOMENT=$TOOLS/.libs/moment.so
[ -e "$MOMENT" ] || fail "there is no moment.so: run make check TESTS="
# In a directory that everybody reaches, for programs of other users.
cp "$MODULE" littlebox.so
module=$T/littlebox.so
mkdir etc
conf=$T/etc/openssl.cnf drop_in=$T/etc/openssl-littlebox.cnf before=$T/etc/openssl-littlebox.before

# words ARGUMENT... : littlebox openssl, on the file of this test. openssl(1) that it starts may load a module with ASan.
words() { with_module littlebox openssl "$@" --file "$conf"; }
enable() { words enable --yes --module "$module" "$@"; }
# list : what an openssl(1) lists that reads the file.
list() { with_module env OPENSSL_CONF="$conf" openssl list -providers; }
# both : it has both providers. one : default alone.
both() {
    list >list || fail "openssl does not start: $(cat list) with $(cat "$conf")"
    grep -qx '  littlebox' list || fail "no littlebox: $(cat list)"
    grep -qx '  default' list || fail "no default: $(cat list)"
}
one() {
    list >list || fail "openssl does not start"
    ! grep -qx '  littlebox' list || fail "littlebox: $(cat list)"
}
files() { [ "$(ls -A etc)" = "$(printf '%s\n' "$@")" ] || fail "not '$*' in etc: $(ls -A etc)"; }
# fresh : standard input is openssl.cnf, and kept to be compared; nothing else is there.
fresh() {
    rm -rf etc
    mkdir etc
    cat >"$conf"
    cp "$conf" kept
}
unchanged() {
    cmp -s kept "$conf" || fail "openssl.cnf changed: $(diff kept "$conf")"
    files openssl.cnf
}
# Debian's, as the package has it.
debian() {
    cat <<'CNF'
#
HOME			= .
 # Use this in order to automatically load providers.
openssl_conf = openssl_init
config_diagnostics = 1
oid_section = new_oids
[ new_oids ]
tsa_policy1 = 1.2.3.4.1
[openssl_init]
providers = provider_sect
# List of providers to load
[provider_sect]
default = default_sect
# fips = fips_sect
[default_sect]
# activate = 1
####################################################################
[ req ]
default_bits		= 2048
distinguished_name	= req_distinguished_name
[ req_distinguished_name ]
commonName			= Common Name (eg, server FQDN or YOUR name)
CNF
}
# round : enabled and disabled, which leaves the same bytes. ARGUMENTS: of enable.
round() {
    expect 0 'the provider is enabled in' enable "$@"
    both
    expect 0 '' words status
    expect_out "littlebox    activated by $drop_in, which 'littlebox openssl enable' wrote"
    expect 0 "already: nothing to do" enable "$@"
    expect 0 'the provider is disabled in' words disable --yes
    unchanged
    one
}

# --- Words and options
expect 2 "unknown 'openssl frob': there are status, enable and disable" littlebox openssl frob
expect 2 "'openssl' needs: status" littlebox openssl
expect 2 "'openssl status' changes nothing" littlebox openssl status --yes
expect 2 "--module is for 'openssl enable'" littlebox openssl disable --module x
expect 1 'the name of openssl.cnf is empty' env OPENSSL_CONF= littlebox openssl status

# --- The way through, with Debian's file
debian | fresh
expect 1 "nothing in $conf activates the provider" words status
grep -qxF "hint: littlebox openssl enable --file $conf" err || fail "no cure: $(cat err)"
expect 1 '' env OPENSSL_CONF="$conf" littlebox --json openssl status
expect_json openssl_cnf "\"$conf\"" active false works false by null drop_in null module null
# The difference is one that patch(1) takes, and a trial changes nothing.
expect 0 'OpenSSL starts with it; nothing is changed' words enable --module "$module" --dry-run
unchanged
cp out difference
expect 1 'there is no terminal to ask for a confirmation' setsid -w env "${MODULE_ENV[@]}" littlebox openssl enable --module "$module" --file "$conf"
expect 1 'hint: run it on a terminal, where it asks; in scripts, with --yes' setsid -w env "${MODULE_ENV[@]}" littlebox openssl enable --module "$module" --file "$conf"
cmp -s out difference || fail "not shown before it asks: $(cat out)"
unchanged
expect 1 '' answer "type 'yes': " no -- env "${MODULE_ENV[@]}" littlebox openssl enable --module "$module" --file "$conf"
expect_out "that is not 'yes': nothing was done"
unchanged
expect 0 '' answer "get the provider; type 'yes': " yes -- env "${MODULE_ENV[@]}" littlebox openssl enable --module "$module" --file "$conf"
expect_out "+.include $drop_in"
files openssl-littlebox.before openssl-littlebox.cnf openssl.cnf
cmp -s kept "$before" || fail "the copy is another"
cp "$conf" enabled.cnf
cp "$drop_in" enabled-drop-in.cnf
cp kept "$conf"
rm "$drop_in"
patch -s -p0 -d / <difference || fail "patch does not take the difference"
cmp -s "$conf" enabled.cnf || fail "the difference of openssl.cnf is another"
cmp -s "$drop_in" enabled-drop-in.cnf || fail "the difference of the drop-in is another"
[ "$(diff kept "$conf" | grep -c '^[<>]')" = 3 ] || fail "more than two lines and an empty one: $(diff kept "$conf")"
diff kept "$conf" | grep -q '^<' && fail "a line of openssl.cnf is another"
both
expect 0 '' words status
expect_out 'programs     start with it'
expect 0 '' words status --json
expect_json active true works true by '"drop-in"' drop_in "\"$drop_in\"" module "\"$module\"" default_active true problem null
# Twice is once; what was given before stays, and so does what somebody wrote into the drop-in.
expect 0 'already: nothing to do' words enable --yes
sed -i 's/^module = \(.*\)/  module=\1 # there\nlittlebox-timeout = 3000/' "$drop_in"
cp "$drop_in" edited
expect 0 'already: nothing to do' words enable --yes
cmp -s edited "$drop_in" || fail "a line of the drop-in is lost"
expect 0 'the provider is enabled in' words enable --yes --users 'nobody'
grep -qxF "module = $module" "$drop_in" || fail "the module is lost: $(cat "$drop_in")"
grep -qxF 'littlebox-users = nobody' "$drop_in" || fail "no users: $(cat "$drop_in")"
cmp -s kept "$before" || fail "the copy is of a changed file"
# It comes out again, to the byte.
expect 0 'nothing is changed' words disable --dry-run
both
expect 1 'there is no terminal to ask for a confirmation' setsid -w littlebox openssl disable --file "$conf"
both
expect 0 '' answer "get the provider no more; type 'yes': " yes -- littlebox openssl disable --file "$conf"
unchanged
one
expect 0 'is not enabled in' words disable --yes
expect 0 'is enabled in' with_module littlebox --json openssl enable --module "$module" --file "$conf" --yes
expect_json enabled true changed true dry_run false drop_in "\"$drop_in\""
json_at diff | grep -qF '+littlebox = littlebox_sect' || fail "no difference: $(cat out)"
expect 0 'already: nothing to do' words enable --json --yes
expect_json enabled true changed false diff '""'
expect 0 'nothing is changed' words disable --json --dry-run
expect_json disabled false changed false dry_run true
expect 0 'is disabled in' words disable --json --yes
expect_json disabled true changed true
unchanged

# --- Other files
printf '[ca]\ndefault_ca = x\n' | fresh # no openssl_conf
round
printf 'openssl_conf = mine\n[mine]\nssl_conf = tls\n[tls]\nsystem_default = d\n[d]\nMinProtocol = TLSv1.2\n' | fresh # another name, no providers
round
printf 'openssl_conf = a\n[a]\nproviders = b\n[b]\ndefault = c\n[c]\n' | fresh # other names
round
grep -q provider_sect "$T/list" && fail "another section of providers"
printf 'openssl_conf = a\n[a]\nproviders = b\n[b]\ndefault = c\nlegacy = l\n[c]\nactivate = 1\n[l]\nactivate = 1\n' | fresh # others active
round
grep -qx '  legacy' list || fail "legacy is lost: $(cat list)"
# Default is activated by our file too, so that it stays where somebody takes that line out.
expect 0 'is enabled in' enable
sed -i '/^\[c\]$/,+1d' "$conf"
both
printf 'openssl_conf = a\n[a]\nproviders = b\n[b]\nlegacy = l\n[l]\nactivate = 1\n' | fresh # without default
expect 0 'is enabled in' enable
both
grep -qx '  legacy' list || fail "legacy is lost: $(cat list)"
rm -f "$conf" "$drop_in" "$before"
printf 'a = b' | fresh # the last line has no end
round
printf 'a = b\\\n' | fresh # and one that goes on behind the end
round
: | fresh # empty, and empty again
round
printf '[x]\n\n\n' | fresh
round
# None at all, and none again. openssl x509 of 4.0 needs a section of extensions then.
rm -rf etc
mkdir etc
expect 1 "$conf is not there" words status
expect 0 'is enabled in' enable
both
grep -qx 'extensions = no_extensions' "$drop_in" || fail "no extensions: $(cat "$drop_in")"
expect 0 '' words status
expect 0 'is disabled in' words disable --yes
[ -z "$(ls -A etc)" ] || fail "left: $(ls -A etc)"
# With a directory and a box's user.
debian | fresh
expect 0 'is enabled in' with_module littlebox --dir "$T" --users 'root, 1234' openssl enable --module "$module" --yes --file "$conf"
grep -qxF "littlebox-directory = $T" "$drop_in" || fail "no directory: $(cat "$drop_in")"
grep -qxF 'littlebox-users = root, 1234' "$drop_in" || fail "no users: $(cat "$drop_in")"
both
expect 0 'is disabled in' words disable --yes
unchanged

# A symbolic link, absolute and relative, one to what is not there too: the file behind it changes, mode and owner stay.
debian | fresh
chmod 640 "$conf"
ln -s openssl.cnf etc/link.cnf
mkdir more
ln -s "$T/etc/link.cnf" more/openssl.cnf
expect 0 'is enabled in' with_module littlebox openssl enable --yes --module "$module" --file more/openssl.cnf
for link in more/openssl.cnf etc/link.cnf; do
    [ -L $link ] || fail "a link became a file: $(ls -l more etc)"
done
[ "$(ls more)" = openssl.cnf ] || fail "the drop-in is beside the link"
both
[ "$(stat -c %a "$conf") $(stat -c %a "$before") $(stat -c %a "$drop_in")" = '640 640 644' ] || fail "modes: $(ls -l etc)"
expect 0 '' with_module littlebox openssl status --file more/openssl.cnf
expect 0 'is disabled in' with_module littlebox openssl disable --yes --file more/openssl.cnf
[ "$(stat -c %a "$conf")" = 640 ] || fail "mode: $(ls -l etc)"
rm etc/link.cnf
unchanged
rm "$conf"
ln -sf "$T/etc/openssl.cnf" more/openssl.cnf
expect 0 'is enabled in' with_module littlebox openssl enable --yes --module "$module" --file more/openssl.cnf
both
[ -L more/openssl.cnf ] || fail "a link became a file"
if is_root; then
    debian | fresh
    chown 1234:1235 "$conf"
    chmod 644 "$conf"
    expect 0 'is enabled in' enable
    [ "$(stat -c %u:%g:%a "$conf")" = 1234:1235:644 ] || fail "owner: $(ls -ln etc)"
    expect 0 'is disabled in' words disable --yes
    [ "$(stat -c %u:%g:%a "$conf")" = 1234:1235:644 ] || fail "owner: $(ls -ln etc)"
    unchanged
    # Somebody who may not: before anything is asked.
    expect 1 "cannot write '$conf': $T/etc: Permission denied" other env "${MODULE_ENV[@]}" littlebox openssl enable --module "$module" --file "$conf"
    expect 1 'hint: run this as root' other env "${MODULE_ENV[@]}" littlebox openssl enable --module "$module" --file "$conf"
    expect 0 'nothing is changed' other env "${MODULE_ENV[@]}" littlebox openssl enable --module "$module" --file "$conf" --dry-run
    unchanged
else
    debian | fresh
    chmod 500 etc
    expect 1 "cannot write '$conf'" enable
    chmod 700 etc
    unchanged
fi

# --- By hand: nothing is changed
printf 'openssl_conf = a\n[a]\nproviders = b\n[b]\ndefault = c\nlittlebox = mine\n[c]\nactivate = 1\n[mine]\nmodule = %s\nactivate = 1\n' "$module" | fresh
expect 0 "$conf activates the provider already, by lines of its own: nothing is changed" words enable --yes
unchanged
expect 1 'by lines of its own: nothing is changed' enable
expect 1 'hint: change section [mine] there' enable
expect 0 '' words status
expect_out 'littlebox    activated by lines of openssl.cnf itself'
expect 0 '' words status --json
expect_json by '"file"' works true
expect 1 'by lines of its own, which nobody but their writer takes out' words disable --yes
expect 1 'hint: take section [mine] and its name in [b] out by hand' words disable --yes
unchanged
sed -i 's/^\[c\]$/[other]/' "$conf"
cp "$conf" kept
expect 1 "without 'default', which is not there then: nothing is changed" words enable --yes
expect 1 "activates the provider 'littlebox' without 'default'" words status
unchanged

# --- After: what others change stays, and what an upgrade replaces is told
debian | fresh
expect 0 'is enabled in' enable
printf '[more]\nx = y\n' >>"$conf"
sed -i 's/^default_bits.*/default_bits = 4096/' "$conf"
both
expect 0 'already: nothing to do' enable
expect 0 'is disabled in' words disable --yes
sed 's/^default_bits.*/default_bits = 4096/' kept >expected
printf '[more]\nx = y\n' >>expected
cmp -s expected "$conf" || fail "somebody's change is lost: $(diff expected "$conf")"
files openssl.cnf
# A new openssl.cnf of the package, which names its sections in another way.
debian | fresh
expect 0 'is enabled in' enable
debian | sed 's/provider_sect/providers/' >"$conf"
cp "$conf" kept
expect 1 "$conf is not what 'enable' left: it includes $drop_in no more" words status
expect 1 'hint: littlebox openssl enable' words status
expect 0 'is enabled in' words enable --yes # with the module that was given before
both
cmp -s kept "$before" || fail "the copy is of the old file"
expect 0 'is disabled in' words disable --yes
unchanged
# The drop-in is lost, and then the module: programs go on.
debian | fresh
expect 0 'is enabled in' enable
mv "$drop_in" lost
one
expect 1 "$conf includes $drop_in, which is not there" words status
mv lost "$drop_in"
mv littlebox.so gone.so
one
expect 1 "no provider module at $module: No such file or directory" words status
expect 1 'hint: install it there, or say where it is: littlebox openssl enable --module FILE' words status
expect 1 'nothing is changed' words enable --yes
expect 0 'is disabled in' words disable --yes
unchanged
mv gone.so littlebox.so
# Lines behind ours that turn it off are told.
debian | fresh
expect 0 'is enabled in' enable
printf '[littlebox_sect]\nactivate = 0\n' >>"$conf"
expect 1 'and its other lines do not let that count' words status
# What relies on our lines by now keeps them.
debian | fresh
expect 0 'is enabled in' enable
printf '[provider_sect]\nlegacy = l\n[l]\nactivate = 1\n' >>"$conf"
expect 1 "OpenSSL would not start without these lines, so nothing is changed: the provider 'default' is not there" words disable --yes
both
printf '[default_sect]\nactivate = 1\n' >>"$conf"
expect 0 'is disabled in' words disable --yes
list | grep -qx '  legacy' || fail "legacy is lost"

# --- What OpenSSL does not start with is not written
debian | fresh
expect 1 "no provider module at $T/absent.so: No such file or directory" words enable --yes --module "$T/absent.so"
echo nonsense >broken.so
expect 1 'OpenSSL would not start with it, so nothing is changed: OpenSSL does not load the provider' words enable --yes --module "$T/broken.so"
unchanged
if [ ! -e "$(openssl version -m | sed 's/.*"\(.*\)"/\1/')/littlebox.so" ]; then
    expect 1 'no provider module at /' words enable --yes
    # What the caller's shell has, services have not.
    expect 1 'no provider module at /' env OPENSSL_MODULES="$T" littlebox openssl enable --yes --file "$conf"
    unchanged
fi
mkdir -p 'odd dir#'
cp littlebox.so 'odd dir#/'
expect 1 'is a path that no openssl.cnf can name' words enable --yes --module "$T/odd dir#/littlebox.so"
debian >'odd dir#/openssl.cnf'
expect 1 'is a path that no .include line of an openssl.cnf can name' littlebox openssl enable --file 'odd dir#/openssl.cnf'
expect 1 'is not a plain file' littlebox openssl enable --file /dev/null
expect 1 "cannot open '$T/none/': No such file or directory" littlebox openssl enable --file "$T/none/openssl.cnf"
expect 1 "'3;' is not a user" words enable --yes --users '1 2 3; x'
unchanged
printf 'openssl_conf = a\n[unclosed\n' | fresh
expect 1 "$conf: OpenSSL cannot read line 2" enable
expect 1 "OpenSSL reads $conf, and: OpenSSL cannot read line 2" words status
unchanged
printf 'a = b\0c\n' | fresh
expect 1 'has NUL bytes' enable
unchanged
# A name whose section is not there: as it is, it stops openssl(1).
printf 'openssl_conf = a\n[a]\nproviders = b\n[b]\nnothing = nowhere\n' | fresh
expect 1 'OpenSSL would not start with it, so nothing is changed' enable
expect 1 "hint: it does not with $conf as it is either: mend that first" enable
unchanged
# default_properties that nothing has.
printf 'openssl_conf = a\n[a]\nalg_section = p\n[p]\ndefault_properties = nowhere=yes\n' | fresh
expect 1 'OpenSSL would not start with it, so nothing is changed: TLS has no AES-256-GCM' enable
unchanged
# openssl(1) that does not start.
mkdir bin
openssl_bin=$(command -v openssl)
cat >bin/openssl <<SH
#!/bin/sh
[ "\$OPENSSL_CONF" = /dev/null ] || [ "\$1" != "\$FAILS" ] || { echo FATAL && exit 1; }
[ "\$OPENSSL_CONF" = /dev/null ] || [ "\$1" != "\$EMPTY" ] || exit 0
exec $openssl_bin "\$@"
SH
chmod 755 bin/openssl
debian | fresh
for word in version list ciphers; do
    expect 1 "so nothing is changed: 'openssl $word' does not start with it: FATAL" env PATH="$T/bin:$PATH" FAILS=$word \
        "${MODULE_ENV[@]}" littlebox openssl enable --yes --module "$module" --file "$conf"
    expect 1 "so nothing is changed: 'openssl $word' finds no" env PATH="$T/bin:$PATH" EMPTY=$word \
        "${MODULE_ENV[@]}" littlebox openssl enable --yes --module "$module" --file "$conf"
    unchanged
done
# Another's file in the place of the drop-in.
debian | fresh
echo '# mine' >"$drop_in"
expect 1 "'$drop_in' is there, and not by 'littlebox openssl enable'" enable
[ "$(cat "$drop_in")" = '# mine' ] || fail "somebody's file is lost"
rm "$drop_in"
unchanged

# --- Killed, or disturbed, in between
# at_moment VARIABLE=VALUE... -- ARGUMENT... : with the shim.
at_moment() {
    before_dashes "$@"
    local shim=$MOMENT
    ! sanitized || shim="$(gcc -print-file-name=libasan.so) $MOMENT"
    env "${MODULE_ENV[@]}" LD_PRELOAD="$shim" "${WORDS[@]}" littlebox openssl "${REST[@]}" --file "$conf"
}
debian | fresh
expect 137 Killed at_moment MOMENT_KILL_RENAME=1 -- enable --yes --module "$module"
cmp -s kept "$conf" || fail "openssl.cnf is another already"
for file in "$drop_in" "$before"; do
    [ -e "$file" ] || fail "openssl.cnf was about to include what is not there: $(ls -A etc)"
done
one
expect 1 'hint: littlebox openssl enable' words status
expect 0 'is disabled in' words disable --yes # cleans up; the temporary file of the one that was killed is another's
find etc -name '.openssl.cnf.*' -delete
unchanged
expect 137 Killed at_moment MOMENT_KILL_RENAME=1 -- enable --yes --module "$module"
find etc -name '.openssl.cnf.*' -delete
expect 0 'is enabled in' enable
both
expect 0 'is disabled in' words disable --yes
cp kept "$before" # killed between the copy and the drop-in
expect 0 'is disabled in' words disable --yes
unchanged
expect 0 'is enabled in' enable
expect 137 Killed at_moment MOMENT_KILL_UNLINK=1 -- disable --yes
one
cmp -s kept "$conf" || fail "not disabled: $(diff kept "$conf")"
expect 0 'is disabled in' words disable --yes
unchanged
# Somebody's change at the last moment stays.
debian | sed 's/2048/4096/' >theirs
cp theirs etc/theirs
expect 1 "'$conf' was changed meanwhile" at_moment MOMENT_RENAME_1="$T/etc/theirs $conf" -- enable --yes --module "$module"
cmp -s theirs "$conf" || fail "somebody's change is lost"
files openssl.cnf

# --- Handles in use: it is said, and asked twice
if is_root && unshare -m true 2>/dev/null; then
    debian | fresh
    expect 0 'is enabled in' enable
    mkdir -p root/nginx
    cp /etc/passwd /etc/group /etc/nsswitch.conf root 2>/dev/null || :
    # shellcheck disable=SC2016 # nginx's
    printf 'http {\n server {\n  ssl_certificate_key "store:littlebox:mail";\n }\n}\n' >root/nginx/nginx.conf
    # shellcheck disable=SC2016 # for the other shell
    disable='mount --bind "$0" /etc && exec "$@"'
    named=(unshare -m sh -c "$disable" "$T/root")
    # Where handles are, without openssl.cnf.
    expect 0 '' "${named[@]}" littlebox handle --list
    [ "$(cat out)" = 'nginx: littlebox:mail (/etc/nginx/nginx.conf:3)' ] || fail "other handles: $(cat out)"
    expect 0 '' "${named[@]}" littlebox --json handle --list
    expect_json 0.server '"nginx"' 0.file null 0.uri '"littlebox:mail"' 0.configuration '"/etc/nginx/nginx.conf"' 0.line 3
    # What 'make uninstall' says of it.
    mkdir -p bin
    printf '#!/bin/sh\necho "OPENSSLDIR: \\"%s\\""\n' "$T/etc" >bin/openssl
    chmod 755 bin/openssl
    ln -s "$(realpath "$(command -v awk)")" bin/awk # the alternatives are in /etc
    expect 0 '' env PATH="$T/bin:$PATH" "${named[@]}" sh "$LITTLEBOX_SRC/keystore/daemon/systemd/what-stays.sh" uninstall littlebox "$T/none"
    expect_out "$conf still names the provider"
    expect_out "'littlebox openssl enable' put this in: "
    expect_out ":.include $drop_in"
    expect_out 'littlebox openssl disable'
    expect_out 'nginx still has a handle: littlebox:mail (/etc/nginx/nginx.conf:3)'
    expect 0 'nginx uses a handle: littlebox:mail' "${named[@]}" littlebox openssl disable --file "$conf" --dry-run
    expect 1 '' answer "type 'yes': " yes "type 'disable': " yes -- "${named[@]}" littlebox openssl disable --file "$conf"
    expect_out "that is not 'disable': nothing was done"
    both
    expect 0 '' answer "type 'yes': " yes "type 'disable': " disable -- "${named[@]}" littlebox openssl disable --file "$conf"
    unchanged
fi

# As root: once more without its rights, from a copy, since others may have no way to the build.
if is_root; then
    needs_user www-data
    PROGRAMS="$PROGRAMS test/cli/answer test/cli/fakebox test/cli/fileattr test/cli/.libs/moment.so"
    mkdir -p copy/build/test/cli/.libs copy/test/cli again
    copy_programs "$T/copy/build"
    cp -R "$HARNESS" copy/build/test/
    cp -R "$LITTLEBOX_SRC/test/harness" copy/test/
    cp "$LITTLEBOX_SRC/test/cli/openssl-enable.sh" copy/test/cli/
    chown www-data again
    check "the same without root's rights" setpriv --reuid=www-data --regid=www-data --clear-groups --reset-env env \
        LITTLEBOX_BUILD="$T/copy/build" LITTLEBOX_SRC="$T/copy" TMPDIR="$T/again" "$T/copy/test/cli/openssl-enable.sh"
fi
finish
