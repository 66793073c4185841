#!/bin/bash
# What the entry points of Docker's own images do of what Berth needs: the first start sets the data up, each start
# gives up root, and the server takes the place of this script, so that it gets the signals.
set -euo pipefail

become() {
  local user=$1
  shift
  exec setpriv --reuid="$user" --regid="$user" --init-groups "$0" "$@"
}

case ${1:-} in
postgres)
  if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /run/postgresql
    chown -R postgres "$PGDATA" /run/postgresql
    chmod 0700 "$PGDATA"
    become postgres "$@"
  fi
  if [ ! -s "$PGDATA/PG_VERSION" ]; then
    : "${POSTGRES_PASSWORD:?Database is uninitialized and superuser password is not specified}"
    user=${POSTGRES_USER:-postgres}
    initdb --pgdata "$PGDATA" --username "$user" --pwfile <(printf '%s\n' "$POSTGRES_PASSWORD") --auth-local trust --auth-host scram-sha-256
    echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
    # Listens on its socket only until it is set up.
    pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start
    database=${POSTGRES_DB:-$user}
    [ "$database" = postgres ] || createdb --username "$user" "$database"
    pg_ctl -D "$PGDATA" -m fast -w stop
  fi
  exec "$@" -c listen_addresses='*'
  ;;
mariadbd)
  data=/var/lib/mysql
  if [ "$(id -u)" = 0 ]; then
    mkdir -p "$data" /run/mysqld
    chown -R mysql "$data" /run/mysqld
    become mysql "$@"
  fi
  if [ ! -d "$data/mysql" ]; then
    root=${MARIADB_ROOT_PASSWORD:-${MYSQL_ROOT_PASSWORD:-}}
    : "${root:?Database is uninitialized and password option is not specified}"
    database=${MARIADB_DATABASE:-${MYSQL_DATABASE:-}}
    user=${MARIADB_USER:-${MYSQL_USER:-}}
    password=${MARIADB_PASSWORD:-${MYSQL_PASSWORD:-}}
    mariadb-install-db --datadir="$data" --auth-root-authentication-method=normal >/dev/null
    mariadbd --datadir="$data" --skip-networking --socket=/run/mysqld/setup.sock &
    until mariadb-admin --socket=/run/mysqld/setup.sock ping --silent >/dev/null 2>&1; do sleep 0.2; done
    {
      echo "ALTER USER root@localhost IDENTIFIED BY '$root'; CREATE USER root@'%' IDENTIFIED BY '$root'; GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;"
      [ -z "$database" ] || echo "CREATE DATABASE \`$database\`;"
      [ -z "$user" ] || echo "CREATE USER '$user'@'%' IDENTIFIED BY '$password';"
      [ -z "$user" ] || [ -z "$database" ] || echo "GRANT ALL ON \`$database\`.* TO '$user'@'%';"
    } | mariadb --socket=/run/mysqld/setup.sock -u root
    kill %1
    wait %1
  fi
  exec "$@" --datadir="$data" --bind-address=0.0.0.0
  ;;
redis-server)
  if [ "$(id -u)" = 0 ]; then
    chown -R redis .
    become redis "$@"
  fi
  exec "$@" --protected-mode no
  ;;
*) exec "$@" ;;
esac
