#!/bin/sh
# The demo: one authority of its own, trusted by this machine, and a leaf with a staple, served and proved. And its undoing.
# demo.sh run | undo. Asks for a password only where root is needed and sudo wants one.
set -eu

cd "$(dirname "$0")/.."
ANSIBLE_CONFIG=$PWD/demo/ansible.cfg
export ANSIBLE_CONFIG
# Only what the machine itself trusts is to count, not what the caller's shell points programs at.
unset SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE REQUESTS_CA_BUNDLE

folder=${XDG_DATA_HOME:-$HOME/.local/share}/anchorage-demo

need() { # program, Debian package
    PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null || {
        echo "$1 is missing. Install it first: apt-get install $2" >&2
        exit 1
    }
}

play() { # playbook, further variables
    playbook=$1
    shift
    password=
    if [ "$(id -u)" != 0 ]; then
        need sudo sudo
        sudo -n true 2>/dev/null || password=--ask-become-pass
    fi
    .venv/bin/ansible-playbook $password "playbooks/$playbook.yml" \
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
    root=$(ls "$folder"/authority/root/*/certificate.pem 2>/dev/null | tail -n 1)
    fingerprint=$([ -z "$root" ] || openssl x509 -noout -fingerprint -sha256 -in "$root" | tr -d : | tr A-F a-f)
    fingerprint=${fingerprint##*=}
    play uninstall --extra-vars anchorage_delete_authority=true
    rmdir "$folder"
    .venv/bin/python demo/proof.py gone "$folder" "$fingerprint"
    ;;
*)
    echo "usage: demo.sh run | undo" >&2
    exit 2
    ;;
esac
