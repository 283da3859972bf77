#!/bin/sh
# The demo: one authority of its own, trusted by this machine, and a leaf with a staple, served and proved. And its undoing.
# demo.sh run | undo. Asks for a password only where root is needed and sudo wants one.
set -eu

cd "$(dirname "$0")/.."
folder=${XDG_DATA_HOME:-$HOME/.local/share}/anchorage-demo

# Only what the machine itself trusts is to count, not what the caller's shell points programs at.
unset SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE REQUESTS_CA_BUNDLE
# Ansible works by the demo's settings alone, and leaves its own files in the checkout.
for setting in $(env | sed -n 's/^\(ANSIBLE_[A-Z0-9_]*\)=.*/\1/p'); do
    unset "$setting"
done
export ANSIBLE_CONFIG="$PWD/demo/ansible.cfg" ANSIBLE_HOME="$PWD/build/ansible" ANSIBLE_REMOTE_TMP="$PWD/build/ansible/tmp"

need() { # program, Debian package
    PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null || {
        echo "$1 is missing: apt install $2" >&2
        exit 1
    }
}

play() { # playbook, further arguments
    playbook=$1
    shift
    password=
    if [ "$(id -u)" != 0 ]; then
        need sudo sudo
        sudo -n true 2>/dev/null || password=--ask-become-pass
    fi
    # The demo ends with a summary of its own.
    .venv/bin/ansible-playbook $password "playbooks/$playbook.yml" --skip-tags summary \
        --extra-vars "{\"anchorage_authority\": \"$folder/authority\"}" \
        --extra-vars "{\"dev_machine_destination\": \"$folder/certificates\", \"dev_machine_renewal\": false}" \
        --extra-vars '{"anchorage_hosts": "localhost"}' "$@"
}

case ${1:-} in
run)
    need openssl openssl
    need update-ca-certificates ca-certificates
    play dev_machine
    .venv/bin/python demo/proof.py made "$folder"
    ;;
undo)
    if [ ! -e "$folder" ]; then
        echo "There is no demo to undo: $folder does not exist."
        exit 0
    fi
    roots=$(.venv/bin/python demo/proof.py roots "$folder")
    play uninstall --extra-vars anchorage_delete_authority=true
    rm -rf "$folder"
    # Where the user had none of these before, they are the demo's too.
    rmdir "$HOME/.local/share" "$HOME/.local" 2>/dev/null || true
    .venv/bin/python demo/proof.py gone "$folder" "$roots"
    ;;
*)
    echo "usage: demo.sh run | undo" >&2
    exit 2
    ;;
esac
