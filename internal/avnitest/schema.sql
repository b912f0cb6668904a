-- The tables of avni-server (as its migrations left them in August 2026) that the sidecar reads or
-- writes, with their constraints, indexes and row-level security, and nothing else of Avni's database.
-- Applied as a superuser; the tables end up owned by role openchs, as in production.
-- audit_id may be null here: in Avni a trigger fills it, and its audit table is left out.
do $$ begin if not exists (select from pg_roles where rolname = 'openchs') then
  create role openchs login createrole; end if; end $$;
create extension if not exists "uuid-ossp"; create extension if not exists ltree;
grant all on schema public to openchs;
set role openchs;

create table individual (
  id serial,
  uuid character varying(255) not null,
  address_id bigint,
  observations jsonb,
  version integer not null,
  date_of_birth date,
  date_of_birth_verified boolean not null,
  gender_id bigint,
  registration_date date default '2017-01-01'::date not null,
  organisation_id integer default 1 not null,
  first_name character varying(256),
  last_name character varying(256),
  is_voided boolean default false not null,
  audit_id integer,
  facility_id bigint,
  registration_location point,
  subject_type_id integer not null,
  legacy_id character varying,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null,
  sync_concept_1_value text,
  sync_concept_2_value text,
  profile_picture text,
  middle_name character varying(255),
  manual_update_history text,
  sync_disabled boolean default false,
  sync_disabled_date_time timestamp without time zone,
  subject_location jsonb
);
create table program_enrolment (
  id serial,
  program_id smallint not null,
  individual_id bigint not null,
  program_outcome_id smallint,
  observations jsonb,
  program_exit_observations jsonb,
  enrolment_date_time timestamp with time zone not null,
  program_exit_date_time timestamp with time zone,
  uuid character varying(255) not null,
  version integer not null,
  organisation_id integer default 1 not null,
  audit_id integer,
  is_voided boolean default false not null,
  enrolment_location point,
  exit_location point,
  legacy_id character varying,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null,
  address_id bigint,
  sync_concept_1_value text,
  sync_concept_2_value text,
  manual_update_history text,
  sync_disabled boolean default false,
  sync_disabled_date_time timestamp without time zone
);
create table encounter (
  id serial,
  observations jsonb not null,
  encounter_date_time timestamp with time zone,
  encounter_type_id integer not null,
  individual_id integer not null,
  uuid character varying(255) not null,
  version integer not null,
  organisation_id integer default 1 not null,
  is_voided boolean default false not null,
  audit_id integer,
  encounter_location point,
  earliest_visit_date_time timestamp with time zone,
  max_visit_date_time timestamp with time zone,
  cancel_date_time timestamp with time zone,
  cancel_observations jsonb,
  cancel_location point,
  name text,
  legacy_id character varying,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null,
  address_id bigint,
  sync_concept_1_value text,
  sync_concept_2_value text,
  manual_update_history text,
  filled_by_id integer,
  sync_disabled boolean default false,
  sync_disabled_date_time timestamp without time zone
);
create table program_encounter (
  id serial,
  observations jsonb not null,
  earliest_visit_date_time timestamp with time zone,
  encounter_date_time timestamp with time zone,
  program_enrolment_id integer not null,
  uuid character varying(255) not null,
  version integer not null,
  encounter_type_id integer default 1 not null,
  name character varying(255),
  max_visit_date_time timestamp with time zone,
  organisation_id integer default 1 not null,
  cancel_date_time timestamp with time zone,
  cancel_observations jsonb,
  audit_id integer,
  is_voided boolean default false not null,
  encounter_location point,
  cancel_location point,
  legacy_id character varying,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null,
  address_id bigint,
  individual_id bigint not null,
  sync_concept_1_value text,
  sync_concept_2_value text,
  manual_update_history text,
  filled_by_id integer,
  sync_disabled boolean default false,
  sync_disabled_date_time timestamp without time zone
);
create table users (
  id serial,
  uuid character varying(255) not null,
  username character varying(255) not null,
  organisation_id integer,
  created_by_id bigint default 1 not null,
  last_modified_by_id bigint default 1 not null,
  created_date_time timestamp with time zone default CURRENT_TIMESTAMP not null,
  last_modified_date_time timestamp(3) with time zone default CURRENT_TIMESTAMP not null,
  is_voided boolean default false not null,
  catchment_id integer,
  is_org_admin boolean default false not null,
  operating_individual_scope character varying(255) not null,
  settings jsonb,
  email character varying(320),
  phone_number character varying(32),
  disabled_in_cognito boolean default false,
  name character varying(255) not null,
  sync_settings jsonb default '{}'::jsonb,
  ignore_sync_settings_in_dea boolean default false not null,
  last_activated_date_time timestamp(3) with time zone default NULL::timestamp with time zone
);
create table organisation (
  id serial,
  name character varying(255) not null,
  db_user character varying(255) not null,
  uuid character varying(255) not null,
  parent_organisation_id integer,
  is_voided boolean default false not null,
  media_directory text,
  username_suffix text,
  account_id integer default 1 not null,
  schema_name character varying(255) not null,
  category_id integer not null,
  status_id integer not null
);
create table organisation_config (
  id serial,
  uuid character varying(255) not null,
  organisation_id bigint not null,
  settings jsonb,
  audit_id bigint,
  version integer default 1,
  is_voided boolean default false,
  worklist_updation_rule text,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null,
  export_settings jsonb default '{}'::jsonb
);
create table account (
  id serial,
  name character varying(255) not null,
  region character varying(255) default 'IN'::character varying not null
);
create table external_system_config (
  id serial,
  organisation_id integer not null,
  uuid character varying(255) default uuid_generate_v4() not null,
  is_voided boolean default false not null,
  version integer not null,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null,
  system_name character varying(255) not null,
  config jsonb not null
);
create table message_rule (
  id serial,
  uuid character varying(255) not null,
  name text not null,
  message_rule text,
  schedule_rule text,
  organisation_id integer not null,
  is_voided boolean default false not null,
  entity_type text not null,
  message_template_id text not null,
  version integer not null,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null,
  entity_type_id integer not null,
  receiver_type text default 'Subject'::text not null
);
create table message_receiver (
  id serial,
  uuid character varying(255) not null,
  receiver_type text not null,
  organisation_id integer not null,
  is_voided boolean default false not null,
  external_id text,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null,
  version integer not null,
  receiver_id integer
);
create table message_request_queue (
  id serial,
  uuid character varying(255) not null,
  organisation_id integer not null,
  message_rule_id bigint,
  message_receiver_id bigint not null,
  scheduled_date_time timestamp(3) with time zone not null,
  delivered_date_time timestamp(3) with time zone,
  delivery_status text not null,
  is_voided boolean default false not null,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null,
  version integer not null,
  entity_id integer,
  manual_message_id bigint
);
create table manual_message (
  id serial,
  uuid character varying(255) not null,
  organisation_id integer not null,
  is_voided boolean default false not null,
  message_template_id text not null,
  parameters text[],
  version integer not null,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null,
  next_trigger_details json
);
create table flow_request_queue (
  id serial,
  uuid character varying(255) not null,
  organisation_id integer not null,
  message_receiver_id bigint not null,
  flow_id text not null,
  request_date_time timestamp(3) with time zone not null,
  is_voided boolean default false not null,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null,
  version integer default 0 not null,
  delivery_status character varying(255) default 'NotSent'::character varying not null
);
create table concept (
  id serial,
  data_type character varying(255) not null,
  high_absolute double precision,
  high_normal double precision,
  low_absolute double precision,
  low_normal double precision,
  name character varying(255) not null,
  uuid character varying(255) not null,
  version integer not null,
  unit character varying(50),
  organisation_id integer default 1 not null,
  is_voided boolean default false not null,
  audit_id integer,
  key_values jsonb,
  active boolean default true not null,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null,
  media jsonb
);
create table concept_answer (
  id serial,
  concept_id bigint not null,
  answer_concept_id bigint not null,
  uuid character varying(255) not null,
  version integer not null,
  answer_order double precision not null,
  organisation_id integer default 1 not null,
  abnormal boolean default false not null,
  is_voided boolean default false not null,
  uniq boolean default false not null,
  audit_id integer,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null
);
create table subject_type (
  id serial,
  uuid character varying(255),
  name character varying(255) not null,
  organisation_id bigint not null,
  is_voided boolean default false not null,
  audit_id bigint,
  version integer default 1,
  is_group boolean default false not null,
  is_household boolean default false not null,
  active boolean default true not null,
  type character varying(255),
  subject_summary_rule text,
  allow_empty_location boolean default false not null,
  unique_name boolean default false not null,
  valid_first_name_regex text,
  valid_first_name_description_key text,
  valid_last_name_regex text,
  valid_last_name_description_key text,
  icon_file_s3_key text,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null,
  directly_assignable boolean default false,
  should_sync_by_location boolean default true,
  sync_registration_concept_1 character varying(255),
  sync_registration_concept_2 character varying(255),
  sync_registration_concept_1_usable boolean,
  sync_registration_concept_2_usable boolean,
  name_help_text text,
  allow_profile_picture boolean default false not null,
  valid_middle_name_regex text,
  valid_middle_name_description_key text,
  allow_middle_name boolean default false,
  program_eligibility_check_rule text,
  program_eligibility_check_declarative_rule text,
  last_name_optional boolean default false,
  settings jsonb,
  member_addition_eligibility_check_rule text,
  attendance_enabled boolean default false not null
);
create table program (
  id smallserial,
  uuid character varying(255) not null,
  name character varying(255) not null,
  version integer not null,
  colour character varying(20),
  organisation_id integer default 1 not null,
  audit_id integer,
  is_voided boolean default false not null,
  enrolment_summary_rule text,
  enrolment_eligibility_check_rule text,
  active boolean default true not null,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null,
  enrolment_eligibility_check_declarative_rule jsonb,
  manual_eligibility_check_required boolean default false not null,
  manual_enrolment_eligibility_check_rule text,
  manual_enrolment_eligibility_check_declarative_rule text,
  allow_multiple_enrolments boolean default false not null,
  show_growth_chart boolean default false not null
);
create table encounter_type (
  id serial,
  name character varying(255) not null,
  concept_id bigint,
  uuid character varying(255) not null,
  version integer not null,
  organisation_id integer default 1 not null,
  audit_id integer,
  is_voided boolean default false not null,
  encounter_eligibility_check_rule text,
  active boolean default true not null,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null,
  encounter_eligibility_check_declarative_rule jsonb,
  is_immutable boolean default false
);
create table operational_subject_type (
  id serial,
  uuid character varying(255) not null,
  name character varying(255) not null,
  subject_type_id integer not null,
  organisation_id bigint not null,
  is_voided boolean default false not null,
  audit_id bigint,
  version integer default 1,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null
);
create table operational_program (
  id serial,
  uuid character varying(255) not null,
  organisation_id integer not null,
  program_id integer not null,
  version integer not null,
  audit_id integer,
  name character varying(255),
  is_voided boolean default false not null,
  program_subject_label text,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null
);
create table operational_encounter_type (
  id serial,
  uuid character varying(255) not null,
  organisation_id integer not null,
  encounter_type_id integer not null,
  version integer not null,
  audit_id integer,
  name character varying(255),
  is_voided boolean default false not null,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null
);
create table gender (
  id smallserial,
  uuid character varying(255) not null,
  name character varying(255) not null,
  concept_id bigint,
  version integer not null,
  audit_id integer,
  is_voided boolean default false not null,
  organisation_id integer not null,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null
);
create table address_level (
  id serial,
  title character varying(255) not null,
  uuid character varying(255) not null,
  version integer not null,
  organisation_id integer default 1 not null,
  audit_id integer,
  is_voided boolean default false not null,
  type_id integer,
  lineage ltree,
  parent_id integer,
  gps_coordinates point,
  location_properties jsonb,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null,
  legacy_id character varying
);
create table address_level_type (
  id serial,
  uuid character varying(255) default uuid_generate_v4() not null,
  name character varying(255) not null,
  is_voided boolean default false not null,
  organisation_id integer not null,
  version integer not null,
  audit_id integer,
  level double precision default 0,
  parent_id integer,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null
);
create table group_subject (
  id serial,
  uuid character varying(255) not null,
  group_subject_id integer not null,
  member_subject_id integer not null,
  group_role_id integer not null,
  membership_start_date timestamp with time zone,
  membership_end_date timestamp with time zone,
  organisation_id integer not null,
  audit_id integer,
  is_voided boolean default false not null,
  version integer,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null,
  member_subject_address_id bigint not null,
  group_subject_address_id bigint not null,
  group_subject_sync_concept_1_value text,
  group_subject_sync_concept_2_value text,
  sync_disabled boolean default false,
  sync_disabled_date_time timestamp without time zone,
  removal_reason_concept_uuid text
);
create table group_role (
  id serial,
  uuid character varying(255) not null,
  group_subject_type_id integer not null,
  role text,
  member_subject_type_id integer not null,
  is_primary boolean default false not null,
  maximum_number_of_members integer not null,
  minimum_number_of_members integer not null,
  organisation_id integer not null,
  audit_id integer,
  is_voided boolean default false not null,
  version integer,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null
);
create table entity_approval_status (
  id serial,
  uuid text not null,
  entity_id bigint not null,
  entity_type text not null,
  approval_status_id bigint not null,
  approval_status_comment text,
  organisation_id bigint not null,
  auto_approved boolean default false not null,
  audit_id bigint,
  version bigint default 0 not null,
  is_voided boolean default false not null,
  status_date_time timestamp with time zone not null,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null,
  entity_type_uuid text default ''::text not null,
  address_id bigint,
  individual_id bigint default 1 not null,
  sync_concept_1_value text,
  sync_concept_2_value text,
  sync_disabled boolean default false,
  sync_disabled_date_time timestamp without time zone
);
create table approval_status (
  id serial,
  uuid text not null,
  status text not null,
  is_voided boolean default false not null,
  created_date_time timestamp with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null
);
create table rule_failure_log (
  id serial,
  uuid character varying(255) not null,
  form_id character varying(255) not null,
  rule_type character varying(255) not null,
  entity_type character varying(255) not null,
  entity_id character varying(255) not null,
  error_message character varying(255) not null,
  stacktrace text not null,
  source character varying(255) not null,
  audit_id integer,
  is_voided boolean default false not null,
  version integer not null,
  organisation_id bigint not null,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null,
  is_closed boolean,
  closed_date_time timestamp without time zone
);
create table individual_relationship (
  id serial,
  uuid character varying(255) not null,
  individual_a_id bigint not null,
  individual_b_id bigint not null,
  relationship_type_id smallint not null,
  enter_date_time timestamp with time zone,
  exit_date_time timestamp with time zone,
  exit_observations jsonb,
  is_voided boolean default false not null,
  organisation_id integer not null,
  version integer not null,
  audit_id integer,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null,
  sync_disabled boolean default false,
  sync_disabled_date_time timestamp without time zone
);
create table user_group (
  id serial,
  uuid character varying(255) not null,
  user_id integer not null,
  group_id integer not null,
  is_voided boolean default false not null,
  version integer,
  organisation_id integer not null,
  audit_id integer,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null,
  manual_update_history text
);
create table groups (
  id serial,
  uuid character varying(255) not null,
  name character varying(255) not null,
  is_voided boolean default false not null,
  version integer,
  organisation_id integer not null,
  audit_id integer,
  has_all_privileges boolean default false not null,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null
);
create table organisation_category (
  id serial,
  uuid character varying(255) not null,
  is_voided boolean default false not null,
  name character varying(255) not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null,
  created_by_id integer not null,
  last_modified_by_id integer not null,
  version integer default 1 not null
);
create table organisation_status (
  id serial,
  uuid character varying(255) not null,
  is_voided boolean default false not null,
  name character varying(255) not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null,
  created_by_id integer not null,
  last_modified_by_id integer not null,
  version integer default 1 not null
);
create table catchment (
  id serial,
  name character varying(255) not null,
  uuid character varying(255) not null,
  version integer not null,
  organisation_id integer default 1 not null,
  type character varying(1024) default 'Villages'::character varying not null,
  audit_id integer,
  is_voided boolean default false not null,
  created_by_id bigint not null,
  last_modified_by_id bigint not null,
  created_date_time timestamp(3) with time zone not null,
  last_modified_date_time timestamp(3) with time zone not null
);

CREATE INDEX idx_individual_obs ON individual USING gin (observations jsonb_path_ops);
CREATE INDEX idx_individual_org_date_of_birth ON individual USING btree (organisation_id, date_of_birth);
CREATE INDEX individual_last_modified_time_idx ON individual USING btree (last_modified_date_time);
CREATE INDEX individual_legacy_id_index ON individual USING btree (legacy_id);
CREATE INDEX individual_organisation_id__index ON individual USING btree (organisation_id);
CREATE INDEX individual_subject_type_id_index ON individual USING btree (subject_type_id);
alter table individual add constraint individual_pkey PRIMARY KEY (id);
alter table individual add constraint individual_legacy_id_organisation_id_uniq_idx UNIQUE (legacy_id, organisation_id);
alter table individual add constraint individual_uuid_key UNIQUE (uuid);
CREATE INDEX idx_program_enrolment_obs ON program_enrolment USING gin (observations jsonb_path_ops);
CREATE INDEX program_enrolment_exit_obs_idx ON program_enrolment USING gin (program_exit_observations jsonb_path_ops);
CREATE INDEX program_enrolment_individual_id_index ON program_enrolment USING btree (individual_id);
CREATE INDEX program_enrolment_last_modified_time_idx ON program_enrolment USING btree (last_modified_date_time);
CREATE INDEX program_enrolment_legacy_id_index ON program_enrolment USING btree (legacy_id);
CREATE INDEX program_enrolment_obs_idx ON program_enrolment USING gin (observations jsonb_path_ops);
CREATE INDEX program_enrolment_organisation_id__index ON program_enrolment USING btree (organisation_id);
CREATE INDEX program_enrolment_program_id_index ON program_enrolment USING btree (program_id);
alter table program_enrolment add constraint program_enrolment_pkey PRIMARY KEY (id);
alter table program_enrolment add constraint program_enrolment_legacy_id_organisation_id_uniq_idx UNIQUE (legacy_id, organisation_id);
alter table program_enrolment add constraint program_enrolment_uuid_key UNIQUE (uuid);
CREATE INDEX encounter_cancel_obs_idx ON encounter USING gin (cancel_observations jsonb_path_ops);
CREATE INDEX encounter_encounter_type_id_index ON encounter USING btree (encounter_type_id);
CREATE INDEX encounter_individual_id_index ON encounter USING btree (individual_id);
CREATE INDEX encounter_last_modified_time_idx ON encounter USING btree (last_modified_date_time);
CREATE INDEX encounter_legacy_id_index ON encounter USING btree (legacy_id);
CREATE INDEX encounter_obs_idx ON encounter USING gin (observations jsonb_path_ops);
CREATE INDEX encounter_organisation_id__index ON encounter USING btree (organisation_id);
alter table encounter add constraint encounter_pkey PRIMARY KEY (id);
alter table encounter add constraint encounter_legacy_id_organisation_id_uniq_idx UNIQUE (legacy_id, organisation_id);
alter table encounter add constraint encounter_uuid_key UNIQUE (uuid);
CREATE INDEX idx_program_encounter_obs ON program_encounter USING gin (observations jsonb_path_ops);
CREATE INDEX program_encounter_cancel_obs_idx ON program_encounter USING gin (cancel_observations jsonb_path_ops);
CREATE INDEX program_encounter_encounter_type_id_index ON program_encounter USING btree (encounter_type_id);
CREATE INDEX program_encounter_last_modified_time_idx ON program_encounter USING btree (last_modified_date_time);
CREATE INDEX program_encounter_legacy_id_index ON program_encounter USING btree (legacy_id);
CREATE INDEX program_encounter_obs_idx ON program_encounter USING gin (observations jsonb_path_ops);
CREATE INDEX program_encounter_organisation_id__index ON program_encounter USING btree (organisation_id);
CREATE INDEX program_encounter_program_enrolment_id_index ON program_encounter USING btree (program_enrolment_id);
alter table program_encounter add constraint program_encounter_pkey PRIMARY KEY (id);
alter table program_encounter add constraint program_encounter_legacy_id_organisation_id_uniq_idx UNIQUE (legacy_id, organisation_id);
alter table program_encounter add constraint program_encounter_uuid_key UNIQUE (uuid);
CREATE INDEX users_organisation_id__index ON users USING btree (organisation_id);
alter table users add constraint users_pkey PRIMARY KEY (id);
alter table users add constraint users_uuid_key UNIQUE (uuid);
alter table organisation add constraint organisation_pkey PRIMARY KEY (id);
alter table organisation add constraint organisation_db_user_key UNIQUE (db_user);
alter table organisation add constraint organisation_media_directory_key UNIQUE (media_directory);
alter table organisation add constraint organisation_name_key UNIQUE (name);
alter table organisation add constraint organisation_uuid_key UNIQUE (uuid);
CREATE INDEX organisation_config_last_modified_time_idx ON organisation_config USING btree (last_modified_date_time);
alter table organisation_config add constraint organisation_config_pkey PRIMARY KEY (id);
alter table organisation_config add constraint organisation_config_organisation_id_is_voided_key UNIQUE (organisation_id, is_voided);
alter table organisation_config add constraint organisation_config_uuid_org_id_key UNIQUE (uuid, organisation_id);
alter table account add constraint account_pkey PRIMARY KEY (id);
alter table external_system_config add constraint external_system_config_pkey PRIMARY KEY (id);
alter table external_system_config add constraint external_system_config_uuid_organisation_id_key UNIQUE (uuid, organisation_id);
alter table message_rule add constraint message_rule_pkey PRIMARY KEY (id);
alter table message_rule add constraint message_rule_uuid_organisation_id_key UNIQUE (uuid, organisation_id);
alter table message_receiver add constraint message_receiver_pkey PRIMARY KEY (id);
alter table message_receiver add constraint message_receiver_receiver_id_receiver_type_organisation_id_key UNIQUE (receiver_id, receiver_type, organisation_id);
alter table message_receiver add constraint message_receiver_uuid_organisation_id_key UNIQUE (uuid, organisation_id);
alter table message_request_queue add constraint message_request_queue_pkey PRIMARY KEY (id);
alter table message_request_queue add constraint message_request_queue_uuid_organisation_id_key UNIQUE (uuid, organisation_id);
alter table manual_message add constraint manual_broadcast_message_pkey PRIMARY KEY (id);
alter table manual_message add constraint manual_broadcast_message_uuid_organisation_id_key UNIQUE (uuid, organisation_id);
alter table flow_request_queue add constraint flow_request_queue_pkey PRIMARY KEY (id);
alter table flow_request_queue add constraint flow_request_queue_uuid_organisation_id_key UNIQUE (uuid, organisation_id);
CREATE INDEX concept_last_modified_time_idx ON concept USING btree (last_modified_date_time);
CREATE INDEX concept_organisation_id__index ON concept USING btree (organisation_id);
alter table concept add constraint concept_pkey PRIMARY KEY (id);
alter table concept add constraint concept_name_orgid UNIQUE (name, organisation_id);
alter table concept add constraint concept_uuid_org_id_key UNIQUE (uuid, organisation_id);
CREATE INDEX concept_answer_answer_concept_id_index ON concept_answer USING btree (answer_concept_id);
CREATE INDEX concept_answer_concept_id_index ON concept_answer USING btree (concept_id);
CREATE INDEX concept_answer_last_modified_time_idx ON concept_answer USING btree (last_modified_date_time);
CREATE INDEX concept_answer_organisation_id__index ON concept_answer USING btree (organisation_id);
alter table concept_answer add constraint concept_answer_pkey PRIMARY KEY (id);
alter table concept_answer add constraint concept_answer_concept_id_answer_concept_id_key UNIQUE (concept_id, answer_concept_id) DEFERRABLE INITIALLY DEFERRED;
alter table concept_answer add constraint concept_answer_concept_id_answer_concept_id_organisation_id_uni UNIQUE (concept_id, answer_concept_id, organisation_id);
alter table concept_answer add constraint concept_answer_uuid_org_id_key UNIQUE (uuid, organisation_id);
CREATE INDEX subject_type_last_modified_time_idx ON subject_type USING btree (last_modified_date_time);
CREATE INDEX subject_type_organisation_id__index ON subject_type USING btree (organisation_id);
alter table subject_type add constraint subject_type_pkey PRIMARY KEY (id);
alter table subject_type add constraint subject_type_uuid_organisation_id_key UNIQUE (uuid, organisation_id);
CREATE INDEX program_last_modified_time_idx ON program USING btree (last_modified_date_time);
CREATE INDEX program_organisation_id__index ON program USING btree (organisation_id);
alter table program add constraint program_pkey PRIMARY KEY (id);
alter table program add constraint program_uuid_org_id_key UNIQUE (uuid, organisation_id);
CREATE INDEX encounter_type_concept_id_index ON encounter_type USING btree (concept_id);
CREATE INDEX encounter_type_last_modified_time_idx ON encounter_type USING btree (last_modified_date_time);
CREATE INDEX encounter_type_organisation_id__index ON encounter_type USING btree (organisation_id);
alter table encounter_type add constraint encounter_type_pkey PRIMARY KEY (id);
alter table encounter_type add constraint encounter_type_uuid_org_id_key UNIQUE (uuid, organisation_id);
CREATE INDEX operational_subject_type_last_modified_time_idx ON operational_subject_type USING btree (last_modified_date_time);
CREATE INDEX operational_subject_type_organisation_id__index ON operational_subject_type USING btree (organisation_id);
CREATE INDEX operational_subject_type_subject_type_id_index ON operational_subject_type USING btree (subject_type_id);
alter table operational_subject_type add constraint operational_subject_type_pkey PRIMARY KEY (id);
alter table operational_subject_type add constraint operational_subject_type_uuid_org_id_key UNIQUE (uuid, organisation_id);
CREATE INDEX operational_program_last_modified_time_idx ON operational_program USING btree (last_modified_date_time);
CREATE INDEX operational_program_organisation_id__index ON operational_program USING btree (organisation_id);
CREATE INDEX operational_program_program_id_index ON operational_program USING btree (program_id);
alter table operational_program add constraint operational_program_pkey PRIMARY KEY (id);
alter table operational_program add constraint operational_program_program_id_organisation_id_unique UNIQUE (program_id, organisation_id);
CREATE INDEX operational_encounter_type_encounter_type_id_index ON operational_encounter_type USING btree (encounter_type_id);
CREATE INDEX operational_encounter_type_last_modified_time_idx ON operational_encounter_type USING btree (last_modified_date_time);
CREATE INDEX operational_encounter_type_organisation_id__index ON operational_encounter_type USING btree (organisation_id);
alter table operational_encounter_type add constraint operational_encounter_type_pkey PRIMARY KEY (id);
alter table operational_encounter_type add constraint operational_encounter_type_encounter_type_organisation_id_uniqu UNIQUE (encounter_type_id, organisation_id);
CREATE INDEX gender_concept_id_index ON gender USING btree (concept_id);
CREATE INDEX gender_last_modified_time_idx ON gender USING btree (last_modified_date_time);
CREATE INDEX gender_organisation_id__index ON gender USING btree (organisation_id);
alter table gender add constraint gender_pkey PRIMARY KEY (id);
alter table gender add constraint gender_uuid_org_id_key UNIQUE (uuid, organisation_id);
CREATE INDEX address_level_last_modified_time_idx ON address_level USING btree (last_modified_date_time);
CREATE INDEX address_level_lineage_text_idx ON address_level USING btree (((lineage)::text) COLLATE "C" text_pattern_ops);
CREATE INDEX address_level_organisation_id__index ON address_level USING btree (organisation_id);
CREATE INDEX address_level_type_id_idx ON address_level USING btree (type_id);
alter table address_level add constraint address_level_pkey PRIMARY KEY (id);
alter table address_level add constraint address_level_legacy_id_organisation_id_uniq_idx UNIQUE (legacy_id, organisation_id);
alter table address_level add constraint address_level_uuid_org_id_key UNIQUE (uuid, organisation_id);
alter table address_level add constraint unique_name_per_level UNIQUE (title, type_id, parent_id, organisation_id);
CREATE INDEX address_level_type_last_modified_time_idx ON address_level_type USING btree (last_modified_date_time);
CREATE INDEX address_level_type_organisation_id__index ON address_level_type USING btree (organisation_id);
alter table address_level_type add constraint address_level_type_pkey PRIMARY KEY (id);
alter table address_level_type add constraint address_level_type_name_organisation_id_unique UNIQUE (name, organisation_id);
CREATE INDEX group_subject_group_role_id_index ON group_subject USING btree (group_role_id);
CREATE INDEX group_subject_group_subject_id_index ON group_subject USING btree (group_subject_id);
CREATE INDEX group_subject_last_modified_time_idx ON group_subject USING btree (last_modified_date_time);
CREATE INDEX group_subject_member_subject_id_index ON group_subject USING btree (member_subject_id);
CREATE INDEX group_subject_org_lmdt_idx ON group_subject USING btree (organisation_id, last_modified_date_time);
CREATE INDEX idx_group_subject_removal_reason_concept_uuid ON group_subject USING btree (removal_reason_concept_uuid) WHERE (removal_reason_concept_uuid IS NOT NULL);
alter table group_subject add constraint group_subject_pkey PRIMARY KEY (id);
alter table group_subject add constraint group_subject_uuid_organisation_id_key UNIQUE (uuid, organisation_id);
CREATE INDEX group_role_group_subject_type_id_index ON group_role USING btree (group_subject_type_id);
CREATE INDEX group_role_last_modified_time_idx ON group_role USING btree (last_modified_date_time);
CREATE INDEX group_role_member_subject_type_id_index ON group_role USING btree (member_subject_type_id);
alter table group_role add constraint group_role_pkey PRIMARY KEY (id);
alter table group_role add constraint group_role_uuid_org_id_key UNIQUE (uuid, organisation_id);
CREATE INDEX entity_approval_status_approval_status_id_index ON entity_approval_status USING btree (approval_status_id);
CREATE INDEX entity_approval_status_entity_id_index ON entity_approval_status USING btree (entity_id);
CREATE INDEX entity_approval_status_entity_type_index ON entity_approval_status USING btree (entity_type);
CREATE INDEX entity_approval_status_last_modified_time_idx ON entity_approval_status USING btree (last_modified_date_time);
CREATE INDEX entity_approval_status_org_lmdt_idx ON entity_approval_status USING btree (organisation_id, last_modified_date_time);
CREATE INDEX entity_approval_status_sync_1_index ON entity_approval_status USING btree (address_id, last_modified_date_time, organisation_id, entity_type, entity_type_uuid);
CREATE INDEX entity_approval_status_sync_2_index ON entity_approval_status USING btree (individual_id, last_modified_date_time, organisation_id, entity_type, entity_type_uuid);
CREATE INDEX entity_approval_status_sync_3_index ON entity_approval_status USING btree (sync_concept_1_value, last_modified_date_time, organisation_id, entity_type, entity_type_uuid);
CREATE INDEX entity_approval_status_sync_4_index ON entity_approval_status USING btree (sync_concept_1_value, sync_concept_2_value, last_modified_date_time, organisation_id, entity_type, entity_type_uuid);
CREATE INDEX entity_approval_status_sync_5_index ON entity_approval_status USING btree (address_id, individual_id, sync_concept_1_value, sync_concept_2_value, last_modified_date_time, organisation_id, entity_type, entity_type_uuid);
alter table entity_approval_status add constraint entity_approval_status_pkey PRIMARY KEY (id);
alter table entity_approval_status add constraint entity_approval_status_uuid_organisation_id_key UNIQUE (uuid, organisation_id);
alter table approval_status add constraint approval_status_pkey PRIMARY KEY (id);
CREATE INDEX rule_failure_log_last_modified_time_idx ON rule_failure_log USING btree (last_modified_date_time);
alter table rule_failure_log add constraint rule_failure_log_pkey PRIMARY KEY (id);
alter table rule_failure_log add constraint rule_failure_log_uuid_key UNIQUE (uuid);
CREATE INDEX individual_relationship_individual_a_id_index ON individual_relationship USING btree (individual_a_id);
CREATE INDEX individual_relationship_individual_b_id_index ON individual_relationship USING btree (individual_b_id);
CREATE INDEX individual_relationship_last_modified_time_idx ON individual_relationship USING btree (last_modified_date_time);
CREATE INDEX individual_relationship_organisation_id__index ON individual_relationship USING btree (organisation_id);
CREATE INDEX individual_relationship_relationship_type_id_index ON individual_relationship USING btree (relationship_type_id);
alter table individual_relationship add constraint individual_relationship_pkey PRIMARY KEY (id);
alter table individual_relationship add constraint individual_relationship_uuid_key UNIQUE (uuid);
CREATE INDEX user_group_group_id_index ON user_group USING btree (group_id);
CREATE INDEX user_group_last_modified_time_idx ON user_group USING btree (last_modified_date_time);
alter table user_group add constraint user_group_pkey PRIMARY KEY (id);
alter table user_group add constraint user_group_uuid_key UNIQUE (uuid);
CREATE INDEX groups_last_modified_time_idx ON groups USING btree (last_modified_date_time);
alter table groups add constraint groups_pkey PRIMARY KEY (id);
alter table groups add constraint groups_uuid_organisation_id_key UNIQUE (uuid, organisation_id);
alter table organisation_category add constraint organisation_category_pkey PRIMARY KEY (id);
alter table organisation_status add constraint organisation_status_pkey PRIMARY KEY (id);
CREATE INDEX catchment_last_modified_time_idx ON catchment USING btree (last_modified_date_time);
CREATE INDEX catchment_organisation_id__index ON catchment USING btree (organisation_id);
alter table catchment add constraint catchment_pkey PRIMARY KEY (id);
alter table catchment add constraint catchment_name_organisation_id_unique UNIQUE (name, organisation_id);
alter table catchment add constraint catchment_uuid_org_id_key UNIQUE (uuid, organisation_id);
alter table individual add constraint individual_address FOREIGN KEY (address_id) REFERENCES address_level(id);
alter table individual add constraint individual_gender FOREIGN KEY (gender_id) REFERENCES gender(id);
alter table individual add constraint individual_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisation(id);
alter table individual add constraint individual_subject_type_id_fkey FOREIGN KEY (subject_type_id) REFERENCES subject_type(id);
alter table program_enrolment add constraint program_enrolment_individual FOREIGN KEY (individual_id) REFERENCES individual(id);
alter table program_enrolment add constraint program_enrolment_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisation(id);
alter table program_enrolment add constraint program_enrolment_program FOREIGN KEY (program_id) REFERENCES program(id);
alter table encounter add constraint encounter_encounter_type FOREIGN KEY (encounter_type_id) REFERENCES encounter_type(id);
alter table encounter add constraint encounter_filled_by_id_fkey FOREIGN KEY (filled_by_id) REFERENCES users(id);
alter table encounter add constraint encounter_individual FOREIGN KEY (individual_id) REFERENCES individual(id);
alter table encounter add constraint encounter_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisation(id);
alter table program_encounter add constraint program_encounter_encounter_type FOREIGN KEY (encounter_type_id) REFERENCES encounter_type(id);
alter table program_encounter add constraint program_encounter_filled_by_id_fkey FOREIGN KEY (filled_by_id) REFERENCES users(id);
alter table program_encounter add constraint program_encounter_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisation(id);
alter table program_encounter add constraint program_encounter_program_enrolment FOREIGN KEY (program_enrolment_id) REFERENCES program_enrolment(id);
alter table users add constraint users_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisation(id);
alter table organisation add constraint organisation_account FOREIGN KEY (account_id) REFERENCES account(id);
alter table organisation add constraint organisation_parent_organisation_id_fkey FOREIGN KEY (parent_organisation_id) REFERENCES organisation(id);
alter table organisation_config add constraint organisation_config_organisation FOREIGN KEY (organisation_id) REFERENCES organisation(id);
alter table external_system_config add constraint external_system_config_created_by_id_fkey FOREIGN KEY (created_by_id) REFERENCES users(id);
alter table external_system_config add constraint external_system_config_last_modified_by_id_fkey FOREIGN KEY (last_modified_by_id) REFERENCES users(id);
alter table external_system_config add constraint external_system_config_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisation(id);
alter table message_rule add constraint message_rule_created_by_id_fkey FOREIGN KEY (created_by_id) REFERENCES users(id);
alter table message_rule add constraint message_rule_last_modified_by_id_fkey FOREIGN KEY (last_modified_by_id) REFERENCES users(id);
alter table message_rule add constraint message_rule_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisation(id);
alter table message_receiver add constraint message_receiver_created_by_id_fkey FOREIGN KEY (created_by_id) REFERENCES users(id);
alter table message_receiver add constraint message_receiver_last_modified_by_id_fkey FOREIGN KEY (last_modified_by_id) REFERENCES users(id);
alter table message_receiver add constraint message_receiver_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisation(id);
alter table message_request_queue add constraint message_request_queue_created_by_id_fkey FOREIGN KEY (created_by_id) REFERENCES users(id);
alter table message_request_queue add constraint message_request_queue_last_modified_by_id_fkey FOREIGN KEY (last_modified_by_id) REFERENCES users(id);
alter table message_request_queue add constraint message_request_queue_manual_broadcast_message_id_fkey FOREIGN KEY (manual_message_id) REFERENCES manual_message(id);
alter table message_request_queue add constraint message_request_queue_message_receiver_id_fkey FOREIGN KEY (message_receiver_id) REFERENCES message_receiver(id);
alter table message_request_queue add constraint message_request_queue_message_rule_id_fkey FOREIGN KEY (message_rule_id) REFERENCES message_rule(id);
alter table message_request_queue add constraint message_request_queue_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisation(id);
alter table manual_message add constraint manual_broadcast_message_created_by_id_fkey FOREIGN KEY (created_by_id) REFERENCES users(id);
alter table manual_message add constraint manual_broadcast_message_last_modified_by_id_fkey FOREIGN KEY (last_modified_by_id) REFERENCES users(id);
alter table manual_message add constraint manual_broadcast_message_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisation(id);
alter table flow_request_queue add constraint flow_request_queue_created_by_id_fkey FOREIGN KEY (created_by_id) REFERENCES users(id);
alter table flow_request_queue add constraint flow_request_queue_last_modified_by_id_fkey FOREIGN KEY (last_modified_by_id) REFERENCES users(id);
alter table flow_request_queue add constraint flow_request_queue_message_receiver_id_fkey FOREIGN KEY (message_receiver_id) REFERENCES message_receiver(id);
alter table flow_request_queue add constraint flow_request_queue_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisation(id);
alter table concept add constraint concept_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisation(id);
alter table concept_answer add constraint concept_answer_answer_concept FOREIGN KEY (answer_concept_id) REFERENCES concept(id);
alter table concept_answer add constraint concept_answer_concept FOREIGN KEY (concept_id) REFERENCES concept(id);
alter table concept_answer add constraint concept_answer_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisation(id);
alter table subject_type add constraint subject_type_organisation FOREIGN KEY (organisation_id) REFERENCES organisation(id);
alter table program add constraint program_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisation(id);
alter table encounter_type add constraint encounter_type_concept FOREIGN KEY (concept_id) REFERENCES concept(id);
alter table encounter_type add constraint encounter_type_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisation(id);
alter table operational_subject_type add constraint operational_subject_type_organisation FOREIGN KEY (organisation_id) REFERENCES organisation(id);
alter table operational_subject_type add constraint operational_subject_type_subject_type_id_fkey FOREIGN KEY (subject_type_id) REFERENCES subject_type(id);
alter table operational_program add constraint operational_program_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisation(id);
alter table operational_program add constraint operational_program_program_id_fkey FOREIGN KEY (program_id) REFERENCES program(id);
alter table operational_encounter_type add constraint operational_encounter_type_encounter_type_id_fkey FOREIGN KEY (encounter_type_id) REFERENCES encounter_type(id);
alter table operational_encounter_type add constraint operational_encounter_type_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisation(id);
alter table gender add constraint gender_concept FOREIGN KEY (concept_id) REFERENCES concept(id);
alter table gender add constraint gender_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisation(id);
alter table address_level add constraint address_level_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisation(id);
alter table address_level add constraint address_level_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES address_level(id);
alter table address_level add constraint address_level_type_id_fkey FOREIGN KEY (type_id) REFERENCES address_level_type(id);
alter table address_level_type add constraint address_level_type_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES address_level_type(id);
alter table group_subject add constraint group_subject_group_role FOREIGN KEY (group_role_id) REFERENCES group_role(id);
alter table group_subject add constraint group_subject_group_subject FOREIGN KEY (group_subject_id) REFERENCES individual(id);
alter table group_subject add constraint group_subject_member_subject FOREIGN KEY (member_subject_id) REFERENCES individual(id);
alter table group_subject add constraint group_subject_organisation FOREIGN KEY (organisation_id) REFERENCES organisation(id);
alter table group_role add constraint group_role_group_subject_type FOREIGN KEY (group_subject_type_id) REFERENCES subject_type(id);
alter table group_role add constraint group_role_member_subject_type FOREIGN KEY (member_subject_type_id) REFERENCES subject_type(id);
alter table group_role add constraint group_role_organisation FOREIGN KEY (organisation_id) REFERENCES organisation(id);
alter table entity_approval_status add constraint entity_approval_status_address_id FOREIGN KEY (address_id) REFERENCES address_level(id);
alter table entity_approval_status add constraint entity_approval_status_approval_status FOREIGN KEY (approval_status_id) REFERENCES approval_status(id);
alter table entity_approval_status add constraint entity_approval_status_individual_id FOREIGN KEY (individual_id) REFERENCES individual(id);
alter table entity_approval_status add constraint entity_approval_status_organisation FOREIGN KEY (organisation_id) REFERENCES organisation(id);
alter table individual_relationship add constraint individual_relationship_individual_a FOREIGN KEY (individual_a_id) REFERENCES individual(id);
alter table individual_relationship add constraint individual_relationship_individual_b FOREIGN KEY (individual_b_id) REFERENCES individual(id);
alter table user_group add constraint user_group_group_id FOREIGN KEY (group_id) REFERENCES groups(id);
alter table user_group add constraint user_group_organisation FOREIGN KEY (organisation_id) REFERENCES organisation(id);
alter table user_group add constraint user_group_user_id FOREIGN KEY (user_id) REFERENCES users(id);
alter table groups add constraint group_organisation FOREIGN KEY (organisation_id) REFERENCES organisation(id);
alter table catchment add constraint catchment_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisation(id);

-- Row-level security in the shape of Avni's: a role named in organisation.db_user sees its own organisation's rows,
-- and for reference tables those of its ancestors too. The owner (and any role that inherits it) sees everything.
create function rls_visible_org_ids() returns integer[] language sql stable as
  $$ select array_agg(id) from organisation where db_user = current_user $$;
create function rls_visible_org_ids_with_ancestors() returns integer[] language sql stable as $$
  with recursive up(id, parent) as (select id, parent_organisation_id from organisation where db_user = current_user
    union all select o.id, o.parent_organisation_id from organisation o join up on o.id = up.parent)
  select array_agg(id) from up $$;
alter table individual enable row level security; create policy individual_orgs on individual using (organisation_id = any(coalesce((select rls_visible_org_ids()), '{}'::integer[])));
alter table program_enrolment enable row level security; create policy program_enrolment_orgs on program_enrolment using (organisation_id = any(coalesce((select rls_visible_org_ids()), '{}'::integer[])));
alter table encounter enable row level security; create policy encounter_orgs on encounter using (organisation_id = any(coalesce((select rls_visible_org_ids()), '{}'::integer[])));
alter table program_encounter enable row level security; create policy program_encounter_orgs on program_encounter using (organisation_id = any(coalesce((select rls_visible_org_ids()), '{}'::integer[])));
alter table organisation_config enable row level security; create policy organisation_config_orgs on organisation_config using (organisation_id = any(coalesce((select rls_visible_org_ids_with_ancestors()), '{}'::integer[])));
alter table external_system_config enable row level security; create policy external_system_config_orgs on external_system_config using (organisation_id = any(coalesce((select rls_visible_org_ids_with_ancestors()), '{}'::integer[])));
alter table message_rule enable row level security; create policy message_rule_orgs on message_rule using (organisation_id = any(coalesce((select rls_visible_org_ids()), '{}'::integer[])));
alter table message_receiver enable row level security; create policy message_receiver_orgs on message_receiver using (organisation_id = any(coalesce((select rls_visible_org_ids()), '{}'::integer[])));
alter table message_request_queue enable row level security; create policy message_request_queue_orgs on message_request_queue using (organisation_id = any(coalesce((select rls_visible_org_ids()), '{}'::integer[])));
alter table manual_message enable row level security; create policy manual_message_orgs on manual_message using (organisation_id = any(coalesce((select rls_visible_org_ids()), '{}'::integer[])));
alter table flow_request_queue enable row level security; create policy flow_request_queue_orgs on flow_request_queue using (organisation_id = any(coalesce((select rls_visible_org_ids()), '{}'::integer[])));
alter table concept enable row level security; create policy concept_orgs on concept using (organisation_id = any(coalesce((select rls_visible_org_ids_with_ancestors()), '{}'::integer[])));
alter table concept_answer enable row level security; create policy concept_answer_orgs on concept_answer using (organisation_id = any(coalesce((select rls_visible_org_ids_with_ancestors()), '{}'::integer[])));
alter table subject_type enable row level security; create policy subject_type_orgs on subject_type using (organisation_id = any(coalesce((select rls_visible_org_ids_with_ancestors()), '{}'::integer[])));
alter table program enable row level security; create policy program_orgs on program using (organisation_id = any(coalesce((select rls_visible_org_ids_with_ancestors()), '{}'::integer[])));
alter table encounter_type enable row level security; create policy encounter_type_orgs on encounter_type using (organisation_id = any(coalesce((select rls_visible_org_ids_with_ancestors()), '{}'::integer[])));
alter table operational_subject_type enable row level security; create policy operational_subject_type_orgs on operational_subject_type using (organisation_id = any(coalesce((select rls_visible_org_ids_with_ancestors()), '{}'::integer[])));
alter table operational_program enable row level security; create policy operational_program_orgs on operational_program using (organisation_id = any(coalesce((select rls_visible_org_ids_with_ancestors()), '{}'::integer[])));
alter table operational_encounter_type enable row level security; create policy operational_encounter_type_orgs on operational_encounter_type using (organisation_id = any(coalesce((select rls_visible_org_ids_with_ancestors()), '{}'::integer[])));
alter table gender enable row level security; create policy gender_orgs on gender using (organisation_id = any(coalesce((select rls_visible_org_ids_with_ancestors()), '{}'::integer[])));
alter table address_level enable row level security; create policy address_level_orgs on address_level using (organisation_id = any(coalesce((select rls_visible_org_ids_with_ancestors()), '{}'::integer[])));
alter table address_level_type enable row level security; create policy address_level_type_orgs on address_level_type using (organisation_id = any(coalesce((select rls_visible_org_ids_with_ancestors()), '{}'::integer[])));
alter table group_subject enable row level security; create policy group_subject_orgs on group_subject using (organisation_id = any(coalesce((select rls_visible_org_ids()), '{}'::integer[])));
alter table group_role enable row level security; create policy group_role_orgs on group_role using (organisation_id = any(coalesce((select rls_visible_org_ids_with_ancestors()), '{}'::integer[])));
alter table entity_approval_status enable row level security; create policy entity_approval_status_orgs on entity_approval_status using (organisation_id = any(coalesce((select rls_visible_org_ids()), '{}'::integer[])));
alter table individual_relationship enable row level security; create policy individual_relationship_orgs on individual_relationship using (organisation_id = any(coalesce((select rls_visible_org_ids()), '{}'::integer[])));
alter table user_group enable row level security; create policy user_group_orgs on user_group using (organisation_id = any(coalesce((select rls_visible_org_ids()), '{}'::integer[])));
alter table groups enable row level security; create policy groups_orgs on groups using (organisation_id = any(coalesce((select rls_visible_org_ids()), '{}'::integer[])));
alter table catchment enable row level security; create policy catchment_orgs on catchment using (organisation_id = any(coalesce((select rls_visible_org_ids_with_ancestors()), '{}'::integer[])));
reset role;
