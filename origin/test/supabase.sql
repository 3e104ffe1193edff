-- A database as Supabase hands it over, for tests: run by the superuser in a fresh cluster. The owner of everything that a project makes,
-- `postgres`, is no superuser there; the API's roles get rights by default; and the Vault's functions run as a superuser with an empty search
-- path (supabase_vault 0.3: names, signatures and rights are its own, the encryption is a stand-in).
create role postgres login createdb createrole replication bypassrls;
create role anon nologin noinherit;
create role authenticated nologin noinherit;
create role service_role nologin noinherit bypassrls;
create role authenticator login noinherit;
create role supabase_auth_admin login noinherit createrole;
grant anon, authenticated, service_role to authenticator, postgres;
grant pg_monitor, pg_signal_backend to postgres;
alter database postgres owner to postgres;
alter schema public owner to postgres;
grant usage on schema public to anon, authenticated, service_role;
alter default privileges for role postgres in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges for role postgres in schema public grant all on functions to anon, authenticated, service_role;
alter default privileges for role postgres in schema public grant all on sequences to anon, authenticated, service_role;

create schema auth authorization supabase_auth_admin;
create table auth.users (id uuid primary key default gen_random_uuid(), email text);
alter table auth.users owner to supabase_auth_admin;
grant usage on schema auth to postgres, anon, authenticated, service_role;
grant all on auth.users to postgres;

create schema vault;
grant usage on schema vault to postgres, service_role;
create table vault.secrets (
  id uuid primary key default gen_random_uuid(),
  name text,
  description text not null default '',
  secret text not null,
  key_id uuid,
  nonce bytea,
  created_at timestamptz not null default current_timestamp,
  updated_at timestamptz not null default current_timestamp
);
create unique index on vault.secrets (name) where name is not null;
create function vault._crypto_aead_det_encrypt(message bytea, additional bytea) returns bytea immutable language sql as $$ select message $$;
create function vault._crypto_aead_det_decrypt(message bytea, additional bytea) returns bytea immutable language sql as $$ select message $$;
create view vault.decrypted_secrets as
  select s.id, s.name, s.description, s.secret,
    convert_from(vault._crypto_aead_det_decrypt(decode(s.secret, 'base64'), convert_to(s.id::text, 'utf8')), 'utf8') as decrypted_secret,
    s.key_id, s.nonce, s.created_at, s.updated_at
  from vault.secrets s;
create function vault.create_secret(new_secret text, new_name text = null, new_description text = '', new_key_id uuid = null) returns uuid
security definer language plpgsql set search_path = '' as $$
declare
  rec record;
begin
  insert into vault.secrets (secret, name, description) values (new_secret, new_name, new_description) returning * into rec;
  update vault.secrets s set secret = encode(vault._crypto_aead_det_encrypt(convert_to(rec.secret, 'utf8'), convert_to(s.id::text, 'utf8')), 'base64')
  where id = rec.id;
  return rec.id;
end $$;
create function vault.update_secret(
  secret_id uuid, new_secret text = null, new_name text = null, new_description text = null, new_key_id uuid = null
) returns void security definer language plpgsql set search_path = '' as $$
declare
  decrypted_secret text := (select decrypted_secret from vault.decrypted_secrets where id = secret_id);
begin
  update vault.secrets s set
    secret = case when new_secret is null then s.secret
      else encode(vault._crypto_aead_det_encrypt(convert_to(new_secret, 'utf8'), convert_to(s.id::text, 'utf8')), 'base64') end,
    name = coalesce(new_name, s.name),
    description = coalesce(new_description, s.description),
    updated_at = now()
  where s.id = secret_id;
end $$;
revoke all on function vault._crypto_aead_det_encrypt, vault._crypto_aead_det_decrypt, vault.create_secret, vault.update_secret from public;
grant execute on function vault._crypto_aead_det_decrypt, vault.create_secret, vault.update_secret to postgres, service_role;
grant select, delete on vault.secrets, vault.decrypted_secrets to postgres, service_role;
