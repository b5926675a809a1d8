#!/bin/sh
# `service install` as root, with an /etc of its own and a systemctl that only writes down what is
# asked of it. $1: the program, $2: an empty folder. In a mount namespace; prints what became of it.
set -e
mount --make-rprivate /
cp -a /etc "$2/etc"
mkdir -p "$2/bin" "$2/local"
printf '#!/bin/sh\necho "systemctl $*"  >> "%s/asked"\n' "$2" > "$2/bin/systemctl"
chmod 755 "$2/bin/systemctl" "$2"
cp "$1" "$2/local/authensor-gw"
mount --bind "$2/etc" /etc
mount --bind "$2/local" /usr/local/bin
export PATH="$2/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" HOME="$2"
cd /
file=/etc/authensor-gw/authensor-gw.yaml
mkdir -p /etc/authensor-gw
echo "auth: none" > $file
chmod 600 $file
authensor-gw service install --config $file || echo "install $?"
cat >> $file <<END
data_dir: /var/lib/authensor-gw
admin: { socket: /run/authensor-gw/admin.sock }
END
# What it says to try is run as it is printed.
try=$(authensor-gw service install --config $file 2>&1 | sed -n 's/^Try: //p')
echo "try: $try"
sh -c "$try"
authensor-gw service install --config $file
echo "install $?"
systemd-analyze verify /etc/systemd/system/authensor-gw.service
grep -c "^authensor-gw:" /etc/passwd
authensor-gw service uninstall
cat "$2/asked"
