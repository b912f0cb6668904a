-- Sample rows: three organisations (two with messaging and Glific, one the parent of the second),
-- their subjects, enrolments, visits and message rules, and a queue as avni-server would have left it.
-- Ids collide across individual, encounter, program_enrolment and program_encounter on purpose:
-- avni-server voids queue rows by a bare entity_id, which the sidecar must not do.
-- Applied as a superuser, after schema.sql, in one transaction.
set client_min_messages = error;
set timezone = 'UTC';
set session_replication_role = replica;  -- base rows refer to each other

-- ---------- the rows that every Avni database starts with ----------
insert into account(id, name, region) values (1, 'default', 'IN');
insert into organisation_category(id, uuid, name, created_date_time, last_modified_date_time, created_by_id, last_modified_by_id) values (1, '71e1bf3b-48fb-4d4f-90f3-71c39e15fbf0', 'Production', now(), now(), 1, 1);
insert into organisation_status(id, uuid, name, created_date_time, last_modified_date_time, created_by_id, last_modified_by_id) values (1, '338be2e2-d0e5-4186-b113-b8197ce879c5', 'Live', now(), now(), 1, 1);
insert into organisation(id, name, db_user, uuid, account_id, schema_name, category_id, status_id, media_directory) values (1, 'OpenCHS', 'openchs_impl', '3539a906-dfae-4ec3-8fbb-1b08f35c3884', 1, 'openchs_impl', 1, 1, 'openchs');
insert into users(id, uuid, username, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time, is_org_admin, operating_individual_scope, settings, name, sync_settings) values (1, '5fed2907-df3a-4867-aef5-c87f4c78a31a', 'admin', 1, 1, now(), now(), false, 'None', '{"disableAutoSync": true}', 'admin', '{}');
insert into approval_status(id, uuid, status, created_date_time, last_modified_date_time) values (1, 'e7e3cdc6-510c-43e3-81d7-85450ce66ba0', 'Pending', now(), now()), (2, 'db5ce7a3-0b21-4f5b-807c-814dd96ebc1d', 'Approved', now(), now()), (3, '2c2cdf95-ed0d-4328-9431-14d65a6e82e6', 'Rejected', now(), now());
set session_replication_role = origin;
do $$ declare r text; begin
  foreach r in array array['openchs_impl','asha_gramin','seva_base','seva_nepal'] loop
    if not exists (select from pg_roles where rolname = r) then execute format('create role %I', r); end if;
    execute format('grant %I to openchs', r);
    execute format('grant usage on schema public to %I', r);
    execute format('grant select, insert, update, delete on all tables in schema public to %I', r);
    execute format('grant usage on all sequences in schema public to %I', r);
  end loop; end $$;

-- ---------- accounts, organisations, db roles ----------
insert into account(id, name, region) values (2,'Asha Trust','IN'), (3,'Seva Nepal Trust','NP');
insert into organisation(id,name,db_user,uuid,parent_organisation_id,media_directory,username_suffix,account_id,schema_name,category_id,status_id) values
 (101,'Asha Gramin','asha_gramin','a1010000-0000-4000-8000-000000000101',null,'asha_gramin','asha',2,'asha_gramin',1,1),
 (102,'Seva Base','seva_base','a1020000-0000-4000-8000-000000000102',null,'seva_base','sevabase',3,'seva_base',1,1),
 (103,'Seva Nepal','seva_nepal','a1030000-0000-4000-8000-000000000103',102,'seva_nepal','seva',3,'seva_nepal',1,1);

-- ---------- users (201..) ----------
insert into users(id,uuid,username,organisation_id,created_by_id,last_modified_by_id,created_date_time,last_modified_date_time,is_org_admin,operating_individual_scope,settings,email,phone_number,name,sync_settings) values
 (201,'b0000000-0000-4000-8000-000000000201','admin@asha',101,1,1,'2024-01-01T00:00:00Z','2024-01-01T00:00:00Z',true,'None','{"locale":"en","disableAutoSync":true}','admin@asha.example','+919811100001','Asha Admin','{}'),
 (202,'b0000000-0000-4000-8000-000000000202','meena@asha',101,201,201,'2024-01-02T00:00:00Z','2024-01-02T00:00:00Z',false,'None','{"locale":"hi_IN","trackLocation":false,"disableAutoSync":true}','meena@asha.example','+919876543210','Meena Kumari','{}'),
 (203,'b0000000-0000-4000-8000-000000000203','nophone@asha',101,201,201,'2024-01-02T00:00:00Z','2024-01-02T00:00:00Z',false,'None','{"locale":"en","disableAutoSync":true}',null,null,'Gopal Without Phone','{}'),
 (211,'b0000000-0000-4000-8000-000000000211','admin@seva',103,1,1,'2024-01-01T00:00:00Z','2024-01-01T00:00:00Z',true,'None','{"locale":"en","disableAutoSync":true}','admin@seva.example','+9779801000001','Seva Admin','{}'),
 (212,'b0000000-0000-4000-8000-000000000212','sita@seva',103,211,211,'2024-01-02T00:00:00Z','2024-01-02T00:00:00Z',false,'None','{"locale":"en","disableAutoSync":true}','sita@seva.example','+9779841234567','Sita Thapa','{"subjectTypeSyncSettings":[]}'),
 (221,'b0000000-0000-4000-8000-000000000221','admin@sevabase',102,1,1,'2024-01-01T00:00:00Z','2024-01-01T00:00:00Z',true,'None','{"disableAutoSync":true}','admin@sevabase.example','+9779801000009','Seva Base Admin','{}');
insert into groups(id,uuid,name,version,organisation_id,has_all_privileges,created_by_id,last_modified_by_id,created_date_time,last_modified_date_time) values
 (151,'c0000000-0000-4000-8000-000000000151','Everyone',0,101,false,201,201,now(),now()),(152,'c0000000-0000-4000-8000-000000000152','Administrators',0,101,true,201,201,now(),now()),
 (153,'c0000000-0000-4000-8000-000000000153','Everyone',0,103,false,211,211,now(),now());
insert into user_group(id,uuid,user_id,group_id,version,organisation_id,created_by_id,last_modified_by_id,created_date_time,last_modified_date_time) values
 (161,'c0000000-0000-4000-8000-000000000161',202,151,0,101,201,201,now(),now()),(162,'c0000000-0000-4000-8000-000000000162',201,152,0,101,201,201,now(),now()),(163,'c0000000-0000-4000-8000-000000000163',212,153,0,103,211,211,now(),now());

-- ---------- organisation config + Glific ----------
insert into organisation_config(id,uuid,organisation_id,settings,version,created_by_id,last_modified_by_id,created_date_time,last_modified_date_time) values
 (171,'d0000000-0000-4000-8000-000000000171',101,'{"languages":["en","hi_IN"],"enableMessaging":true,"enableComments":false}',0,201,201,now(),now()),
 (172,'d0000000-0000-4000-8000-000000000172',102,'{"languages":["en"]}',0,221,221,now(),now()),
 (173,'d0000000-0000-4000-8000-000000000173',103,'{"languages":["en"],"enableMessaging":true}',0,211,211,now(),now());
insert into external_system_config(id,organisation_id,uuid,version,created_by_id,last_modified_by_id,created_date_time,last_modified_date_time,system_name,config) values
 (181,101,'d0000000-0000-4000-8000-000000000181',0,201,201,now(),now(),'Glific','{"baseUrl":"http://127.0.0.1:4010/asha","phone":"919999900001","password":"glific-asha-pw","avniSystemUser":"admin@asha"}'),
 (182,103,'d0000000-0000-4000-8000-000000000182',0,211,211,now(),now(),'Glific','{"baseUrl":"http://127.0.0.1:4010/seva","phone":"977999900002","password":"glific-seva-pw","avniSystemUser":"admin@seva"}');

-- ---------- genders, locations ----------
insert into gender(id,uuid,name,version,organisation_id,created_by_id,last_modified_by_id,created_date_time,last_modified_date_time) values
 (31,'e0000000-0000-4000-8000-000000000031','Male',0,101,201,201,now(),now()),(32,'e0000000-0000-4000-8000-000000000032','Female',0,101,201,201,now(),now()),
 (33,'e0000000-0000-4000-8000-000000000033','Female',0,103,211,211,now(),now());
insert into address_level_type(id,uuid,name,organisation_id,version,level,parent_id,created_by_id,last_modified_by_id,created_date_time,last_modified_date_time) values
 (41,'e0000000-0000-4000-8000-000000000041','State',101,0,3,null,201,201,now(),now()),
 (42,'e0000000-0000-4000-8000-000000000042','District',101,0,2,41,201,201,now(),now()),
 (43,'e0000000-0000-4000-8000-000000000043','Village',101,0,1,42,201,201,now(),now()),
 (44,'e0000000-0000-4000-8000-000000000044','Ward',103,0,1,null,211,211,now(),now());
insert into address_level(id,title,uuid,version,organisation_id,type_id,lineage,parent_id,created_by_id,last_modified_by_id,created_date_time,last_modified_date_time) values
 (51,'Gujarat','e0000000-0000-4000-8000-000000000051',0,101,41,'51',null,201,201,now(),now()),
 (52,'Narmada','e0000000-0000-4000-8000-000000000052',0,101,42,'51.52',51,201,201,now(),now()),
 (53,'Kevadia','e0000000-0000-4000-8000-000000000053',2,101,43,'51.52.53',52,201,201,now(),now()),
 (54,'Ward 4','e0000000-0000-4000-8000-000000000054',0,103,44,'54',null,211,211,now(),now());
insert into catchment(id,name,uuid,version,organisation_id,type,created_by_id,last_modified_by_id,created_date_time,last_modified_date_time) values (61,'Kevadia catchment','e0000000-0000-4000-8000-000000000061',0,101,'Villages',201,201,now(),now());

-- ---------- concepts ----------
create or replace function pg_temp.c(pid int, puuid text, pname text, ptype text, porg int, puser int, kv jsonb default null, lo float default null, hi float default null, lon float default null, hin float default null, punit text default null) returns void language sql as
$$ insert into concept(id,uuid,name,data_type,version,organisation_id,key_values,low_absolute,high_absolute,low_normal,high_normal,unit,created_by_id,last_modified_by_id,created_date_time,last_modified_date_time)
   values (pid,puuid,pname,ptype,0,porg,kv,lo,hi,lon,hin,punit,puser,puser,now(),now()) $$;
-- org 101 : uuid pattern f0000000-0000-4000-8000-0000000007NN <- id 7NN
select pg_temp.c(701,'f0000000-0000-4000-8000-000000000701','Mobile number','PhoneNumber',101,201);
select pg_temp.c(702,'f0000000-0000-4000-8000-000000000702','Alternate contact','Text',101,201,'[{"key":"contact_number","value":"yes"}]');
select pg_temp.c(703,'f0000000-0000-4000-8000-000000000703','High risk','Coded',101,201);
select pg_temp.c(704,'f0000000-0000-4000-8000-000000000704','Yes','NA',101,201);
select pg_temp.c(705,'f0000000-0000-4000-8000-000000000705','No','NA',101,201);
select pg_temp.c(706,'f0000000-0000-4000-8000-000000000706','Symptoms','Coded',101,201);
select pg_temp.c(707,'f0000000-0000-4000-8000-000000000707','Fever','NA',101,201);
select pg_temp.c(708,'f0000000-0000-4000-8000-000000000708','Cough','NA',101,201);
select pg_temp.c(709,'f0000000-0000-4000-8000-000000000709','Headache','NA',101,201);
select pg_temp.c(710,'f0000000-0000-4000-8000-000000000710','Last menstrual period','Date',101,201);
select pg_temp.c(711,'f0000000-0000-4000-8000-000000000711','Next visit at','DateTime',101,201);
select pg_temp.c(712,'f0000000-0000-4000-8000-000000000712','Weight','Numeric',101,201,null,0,200,40,90,'kg');
select pg_temp.c(713,'f0000000-0000-4000-8000-000000000713','Village of origin','Location',101,201,'[{"key":"isWithinCatchment","value":false},{"key":"lowestAddressLevelTypeUUIDs","value":["e0000000-0000-4000-8000-000000000043"]}]');
select pg_temp.c(714,'f0000000-0000-4000-8000-000000000714','House details','QuestionGroup',101,201);
select pg_temp.c(715,'f0000000-0000-4000-8000-000000000715','House number','Text',101,201);
select pg_temp.c(716,'f0000000-0000-4000-8000-000000000716','Ownership','Coded',101,201);
select pg_temp.c(717,'f0000000-0000-4000-8000-000000000717','Owned','NA',101,201);
select pg_temp.c(718,'f0000000-0000-4000-8000-000000000718','Rented','NA',101,201);
select pg_temp.c(719,'f0000000-0000-4000-8000-000000000719','Children details','QuestionGroup',101,201);
select pg_temp.c(720,'f0000000-0000-4000-8000-000000000720','Child name','Text',101,201);
select pg_temp.c(721,'f0000000-0000-4000-8000-000000000721','Child birth date','Date',101,201);
select pg_temp.c(722,'f0000000-0000-4000-8000-000000000722','Husband','Subject',101,201,'[{"key":"subjectTypeUUID","value":"90000000-0000-4000-8000-000000000301"}]');
select pg_temp.c(723,'f0000000-0000-4000-8000-000000000723','House photo','ImageV2',101,201);
select pg_temp.c(724,'f0000000-0000-4000-8000-000000000724','Remarks','Notes',101,201);
select pg_temp.c(725,'f0000000-0000-4000-8000-000000000725','Preferred visit time','Time',101,201);
select pg_temp.c(726,'f0000000-0000-4000-8000-000000000726','Cancel reason','Coded',101,201);
select pg_temp.c(727,'f0000000-0000-4000-8000-000000000727','Migrated','NA',101,201);
select pg_temp.c(728,'f0000000-0000-4000-8000-000000000728','Exit reason','Text',101,201);
-- parent org 102 + child 103
select pg_temp.c(751,'f0000000-0000-4000-8000-000000000751','Contact phone','PhoneNumber',102,221);
select pg_temp.c(752,'f0000000-0000-4000-8000-000000000752','Weight','Numeric',102,221,null,0,60,null,null,'kg');
select pg_temp.c(753,'f0000000-0000-4000-8000-000000000753','Ward note','Text',103,211);
insert into concept_answer(id,concept_id,answer_concept_id,uuid,version,answer_order,organisation_id,abnormal,uniq,created_by_id,last_modified_by_id,created_date_time,last_modified_date_time) values
 (801,703,704,'f1000000-0000-4000-8000-000000000801',0,0,101,true,false,201,201,now(),now()),
 (802,703,705,'f1000000-0000-4000-8000-000000000802',0,1,101,false,false,201,201,now(),now()),
 (803,706,707,'f1000000-0000-4000-8000-000000000803',0,0,101,true,false,201,201,now(),now()),
 (804,706,708,'f1000000-0000-4000-8000-000000000804',0,1,101,false,false,201,201,now(),now()),
 (805,706,709,'f1000000-0000-4000-8000-000000000805',0,2,101,false,true,201,201,now(),now()),
 (806,716,717,'f1000000-0000-4000-8000-000000000806',0,0,101,false,false,201,201,now(),now()),
 (807,716,718,'f1000000-0000-4000-8000-000000000807',0,1,101,false,false,201,201,now(),now()),
 (808,726,727,'f1000000-0000-4000-8000-000000000808',0,0,101,false,false,201,201,now(),now());

-- ---------- subject types, programs, encounter types (+ operational) ----------
insert into subject_type(id,uuid,name,organisation_id,version,type,is_group,is_household,allow_profile_picture,allow_middle_name,created_by_id,last_modified_by_id,created_date_time,last_modified_date_time) values
 (301,'90000000-0000-4000-8000-000000000301','Individual',101,0,'Person',false,false,true,true,201,201,now(),now()),
 (302,'90000000-0000-4000-8000-000000000302','Household',101,0,'Household',true,true,false,false,201,201,now(),now()),
 (311,'90000000-0000-4000-8000-000000000311','Beneficiary',102,0,'Person',false,false,false,false,221,221,now(),now());
insert into operational_subject_type(id,uuid,name,subject_type_id,organisation_id,version,created_by_id,last_modified_by_id,created_date_time,last_modified_date_time) values
 (321,'90000000-0000-4000-8000-000000000321','Individual',301,101,0,201,201,now(),now()),(322,'90000000-0000-4000-8000-000000000322','Household',302,101,0,201,201,now(),now()),(323,'90000000-0000-4000-8000-000000000323','Beneficiary',311,103,0,211,211,now(),now());
insert into program(id,uuid,name,version,colour,organisation_id,created_by_id,last_modified_by_id,created_date_time,last_modified_date_time) values
 (401,'91000000-0000-4000-8000-000000000401','Pregnancy',0,'#ff0000',101,201,201,now(),now()),(411,'91000000-0000-4000-8000-000000000411','Nutrition',0,'#00ff00',102,221,221,now(),now());
insert into operational_program(id,uuid,organisation_id,program_id,version,name,created_by_id,last_modified_by_id,created_date_time,last_modified_date_time) values
 (421,'91000000-0000-4000-8000-000000000421',101,401,0,'Mother Program',201,201,now(),now()),(422,'91000000-0000-4000-8000-000000000422',103,411,0,'Poshan',211,211,now(),now());
insert into encounter_type(id,name,uuid,version,organisation_id,created_by_id,last_modified_by_id,created_date_time,last_modified_date_time) values
 (501,'ANC Visit','92000000-0000-4000-8000-000000000501',0,101,201,201,now(),now()),(502,'Home Visit','92000000-0000-4000-8000-000000000502',0,101,201,201,now(),now()),(503,'PNC Visit','92000000-0000-4000-8000-000000000503',0,101,201,201,now(),now()),
 (511,'Growth Monitoring','92000000-0000-4000-8000-000000000511',0,102,221,221,now(),now()),(512,'Counselling','92000000-0000-4000-8000-000000000512',0,102,221,221,now(),now());
insert into operational_encounter_type(id,uuid,organisation_id,encounter_type_id,version,name,created_by_id,last_modified_by_id,created_date_time,last_modified_date_time) values
 (521,'92000000-0000-4000-8000-000000000521',101,501,0,'ANC',201,201,now(),now()),(522,'92000000-0000-4000-8000-000000000522',101,502,0,'Home Visit',201,201,now(),now()),(523,'92000000-0000-4000-8000-000000000523',101,503,0,'PNC',201,201,now(),now()),
 (524,'92000000-0000-4000-8000-000000000524',103,511,0,'GMP',211,211,now(),now()),(525,'92000000-0000-4000-8000-000000000525',103,512,0,'Counselling',211,211,now(),now());
insert into group_role(id,uuid,group_subject_type_id,role,member_subject_type_id,is_primary,maximum_number_of_members,minimum_number_of_members,organisation_id,version,created_by_id,last_modified_by_id,created_date_time,last_modified_date_time) values
 (331,'90000000-0000-4000-8000-000000000331',302,'Head of household',301,true,1,1,101,0,201,201,now(),now()),(332,'90000000-0000-4000-8000-000000000332',302,'Member',301,false,100,1,101,0,201,201,now(),now());

-- ---------- subjects ----------
insert into individual(id,uuid,address_id,observations,version,date_of_birth,date_of_birth_verified,gender_id,registration_date,organisation_id,first_name,middle_name,last_name,is_voided,subject_type_id,profile_picture,created_by_id,last_modified_by_id,created_date_time,last_modified_date_time) values
 (1001,'10000000-0000-4000-8000-000000001001',53,'{"f0000000-0000-4000-8000-000000000701":{"phoneNumber":"9876500001","verified":false},"f0000000-0000-4000-8000-000000000702":"9876500099","f0000000-0000-4000-8000-000000000703":"f0000000-0000-4000-8000-000000000704","f0000000-0000-4000-8000-000000000706":["f0000000-0000-4000-8000-000000000707","f0000000-0000-4000-8000-000000000708"],"f0000000-0000-4000-8000-000000000712":52.5,"f0000000-0000-4000-8000-000000000713":"e0000000-0000-4000-8000-000000000053","f0000000-0000-4000-8000-000000000714":{"f0000000-0000-4000-8000-000000000715":"12/A","f0000000-0000-4000-8000-000000000716":"f0000000-0000-4000-8000-000000000717"},"f0000000-0000-4000-8000-000000000719":[{"f0000000-0000-4000-8000-000000000720":"Ravi","f0000000-0000-4000-8000-000000000721":"2019-03-04"},{"f0000000-0000-4000-8000-000000000720":"Uma","f0000000-0000-4000-8000-000000000721":"2021-07-08T18:30:00.000Z"}],"f0000000-0000-4000-8000-000000000722":"10000000-0000-4000-8000-000000001002","f0000000-0000-4000-8000-000000000723":"https://s3.example/asha/1.jpg","f0000000-0000-4000-8000-000000000724":"line1\nसुरभि \"q\"","f0000000-0000-4000-8000-000000000725":"10:30"}',0,'1995-02-03',true,32,'2024-01-10',101,'Asha','Devi','Sharma',false,301,'https://s3.example/asha/p.jpg',202,202,'2024-01-10T05:00:00Z','2024-01-10T05:00:00Z'),
 (1002,'10000000-0000-4000-8000-000000001002',53,'{"f0000000-0000-4000-8000-000000000702":"+919876500002"}',0,'1990-01-01',false,31,'2024-01-10',101,'Ramesh',null,'Kumar',false,301,null,202,202,'2024-01-10T05:00:00Z','2024-01-10T05:00:00Z'),
 (1003,'10000000-0000-4000-8000-000000001003',53,'{}',0,'1991-01-01',false,32,'2024-01-11',101,'Nophone',null,'Bai',false,301,null,202,202,'2024-01-11T05:00:00Z','2024-01-11T05:00:00Z'),
 (1004,'10000000-0000-4000-8000-000000001004',53,'{}',0,null,false,null,'2024-01-12',101,'Sharma household',null,null,false,302,null,202,202,'2024-01-12T05:00:00Z','2024-01-12T05:00:00Z'),
 (1005,'10000000-0000-4000-8000-000000001005',53,'{"f0000000-0000-4000-8000-000000000701":{"phoneNumber":"9876500005","verified":true}}',0,'1985-01-01',false,31,'2024-01-12',101,'Voided','','Person',true,301,null,202,202,'2024-01-12T05:00:00Z','2024-01-13T05:00:00Z'),
 (1006,'10000000-0000-4000-8000-000000001006',52,'{"f0000000-0000-4000-8000-000000000701":{"phoneNumber":"12345","verified":false}}',0,'1985-01-01',false,31,'2024-01-12',101,'Badphone',null,'Lal',false,301,null,203,203,'2024-01-12T05:00:00Z','2024-01-12T05:00:00Z'),
 (1101,'10000000-0000-4000-8000-000000001101',54,'{"f0000000-0000-4000-8000-000000000751":{"phoneNumber":"9841000011","verified":true,"skipVerification":false},"f0000000-0000-4000-8000-000000000752":11.25,"f0000000-0000-4000-8000-000000000753":"near temple"}',0,'2022-05-06',false,33,'2024-02-01',103,'Maya',null,'Rai',false,311,null,212,212,'2024-02-01T05:00:00Z','2024-02-01T05:00:00Z');
insert into group_subject(id,uuid,group_subject_id,member_subject_id,group_role_id,membership_start_date,organisation_id,version,member_subject_address_id,group_subject_address_id,created_by_id,last_modified_by_id,created_date_time,last_modified_date_time) values
 (341,'90000000-0000-4000-8000-000000000341',1004,1001,331,'2024-01-12T00:00:00Z',101,0,53,53,202,202,now(),now());

-- ---------- enrolments ----------
insert into program_enrolment(id,program_id,individual_id,observations,program_exit_observations,enrolment_date_time,program_exit_date_time,uuid,version,organisation_id,is_voided,address_id,created_by_id,last_modified_by_id,created_date_time,last_modified_date_time) values
 (1001,401,1001,'{"f0000000-0000-4000-8000-000000000710":"2023-12-01T18:30:00.000Z","f0000000-0000-4000-8000-000000000712":50}','{}','2024-01-15T04:30:00Z',null,'20000000-0000-4000-8000-000000001001',0,101,false,53,202,202,'2024-01-15T04:30:00Z','2024-01-15T04:30:00Z'),
 (1002,401,1001,'{}','{"f0000000-0000-4000-8000-000000000728":"Delivered"}','2020-01-15T04:30:00Z','2020-09-15T04:30:00Z','20000000-0000-4000-8000-000000001002',0,101,false,53,202,202,'2020-01-15T04:30:00Z','2020-09-15T04:30:00Z'),
 (1003,401,1001,'{}','{}','2019-01-15T04:30:00Z',null,'20000000-0000-4000-8000-000000001003',0,101,true,53,202,202,'2019-01-15T04:30:00Z','2019-01-16T04:30:00Z'),
 (1101,411,1101,'{}',null,'2024-02-02T04:30:00Z',null,'20000000-0000-4000-8000-000000001101',0,103,false,54,212,212,'2024-02-02T04:30:00Z','2024-02-02T04:30:00Z');

-- ---------- program encounters ----------
insert into program_encounter(id,observations,earliest_visit_date_time,max_visit_date_time,encounter_date_time,cancel_date_time,cancel_observations,program_enrolment_id,individual_id,encounter_type_id,name,uuid,version,organisation_id,is_voided,address_id,filled_by_id,created_by_id,last_modified_by_id,created_date_time,last_modified_date_time) values
 (1001,'{}','2030-03-01T04:30:00Z','2030-03-08T18:29:59Z',null,null,'{}',1001,1001,501,'ANC 2','30000000-0000-4000-8000-000000001001',0,101,false,53,null,202,202,'2024-02-01T05:00:00Z','2024-02-01T05:00:00Z'),
 (1002,'{"f0000000-0000-4000-8000-000000000712":51,"f0000000-0000-4000-8000-000000000711":"2030-03-01T05:00:00.000Z"}','2024-02-01T04:30:00Z','2024-02-08T18:29:59Z','2024-02-02T06:15:30.123Z',null,null,1001,1001,501,'ANC 1','30000000-0000-4000-8000-000000001002',0,101,false,53,202,202,202,'2024-01-15T05:00:00Z','2024-02-02T06:15:30Z'),
 (1003,'{}','2024-01-20T04:30:00Z','2024-01-25T18:29:59Z',null,'2024-01-21T04:30:00Z','{"f0000000-0000-4000-8000-000000000726":["f0000000-0000-4000-8000-000000000727"]}',1001,1001,503,'PNC 1','30000000-0000-4000-8000-000000001003',0,101,false,53,null,202,202,'2024-01-15T05:00:00Z','2024-01-21T04:30:00Z'),
 (1004,'{}','2024-01-20T04:30:00Z','2024-01-25T18:29:59Z',null,null,'{}',1001,1001,501,'ANC dup','30000000-0000-4000-8000-000000001004',0,101,true,53,null,202,202,'2024-01-15T05:00:00Z','2024-01-22T04:30:00Z'),
 (1101,'{}','2030-03-01T04:15:00Z','2030-03-05T18:14:59Z',null,null,'{}',1101,1101,511,'GMP March','30000000-0000-4000-8000-000000001101',0,103,false,54,null,212,212,'2024-02-02T05:00:00Z','2024-02-02T05:00:00Z');

-- ---------- general encounters ----------
insert into encounter(id,observations,encounter_date_time,encounter_type_id,individual_id,uuid,version,organisation_id,is_voided,earliest_visit_date_time,max_visit_date_time,cancel_date_time,cancel_observations,name,address_id,filled_by_id,created_by_id,last_modified_by_id,created_date_time,last_modified_date_time) values
 (1001,'{}',null,502,1001,'40000000-0000-4000-8000-000000001001',0,101,false,'2030-04-01T04:30:00Z','2030-04-05T18:29:59Z',null,'{}','Home visit 2',53,null,202,202,'2024-03-01T05:00:00Z','2024-03-01T05:00:00Z'),
 (1002,'{"f0000000-0000-4000-8000-000000000706":["f0000000-0000-4000-8000-000000000709"],"f0000000-0000-4000-8000-000000000712":52}','2024-03-02T05:00:00Z',502,1001,'40000000-0000-4000-8000-000000001002',0,101,false,'2024-03-01T04:30:00Z','2024-03-05T18:29:59Z',null,'{}','Home visit 1',53,202,202,202,'2024-02-20T05:00:00Z','2024-03-02T05:00:00Z'),
 (1003,'{}',null,502,1002,'40000000-0000-4000-8000-000000001003',0,101,false,'2024-03-01T04:30:00Z','2024-03-05T18:29:59Z','2024-03-03T05:00:00Z','{"f0000000-0000-4000-8000-000000000726":"f0000000-0000-4000-8000-000000000727"}','Home visit',53,null,202,202,'2024-02-20T05:00:00Z','2024-03-03T05:00:00Z');

-- ---------- approval statuses ----------
insert into entity_approval_status(id,uuid,entity_id,entity_type,approval_status_id,approval_status_comment,organisation_id,auto_approved,version,status_date_time,entity_type_uuid,individual_id,address_id,created_by_id,last_modified_by_id,created_date_time,last_modified_date_time) values
 (351,'93000000-0000-4000-8000-000000000351',1001,'Subject',1,null,101,false,0,'2024-01-10T05:00:00Z','90000000-0000-4000-8000-000000000301',1001,53,202,202,now(),now()),
 (352,'93000000-0000-4000-8000-000000000352',1001,'Subject',2,'ok',101,false,0,'2024-01-11T05:00:00Z','90000000-0000-4000-8000-000000000301',1001,53,201,201,now(),now());

-- ---------- message rules ----------
insert into message_rule(id,uuid,name,organisation_id,entity_type,entity_type_id,receiver_type,message_template_id,is_voided,version,created_by_id,last_modified_by_id,created_date_time,last_modified_date_time,schedule_rule,message_rule) values
 (601,'95000000-0000-4000-8000-000000000601','Welcome subject',101,'Subject',301,'Subject','7001',false,0,201,201,now(),now(),
$j$'use strict';
({params, imports}) => ({
  scheduledDateTime: imports.moment(params.entity.registrationDate).add(1, 'days').hour(9).toDate(),
  shouldSend: !params.entity.voided
});$j$,
$j$'use strict';
({params, imports}) => {
  const individual = params.entity;
  return {
    parameters: [individual.firstName, individual.lowestAddressLevel.name]
  }
};$j$),
 (602,'95000000-0000-4000-8000-000000000602','Tell worker of enrolment',101,'ProgramEnrolment',401,'User','7002',false,0,201,201,now(),now(),
$j$({params, imports}) => ({ scheduledDateTime: new Date() });$j$,
$j$({params, imports}) => { const enrolment = params.entity; const i = enrolment.individual; return { parameters: [`${i.firstName} ${i.lastName}`, imports.moment(enrolment.enrolmentDateTime).format('DD/MM/YYYY')] }; };$j$),
 (603,'95000000-0000-4000-8000-000000000603','ANC reminder',101,'ProgramEncounter',501,'Subject','7003',false,0,201,201,now(),now(),
$j$({params, imports}) => {
  const e = params.entity; const moment = imports.moment;
  if (e.encounterDateTime || e.cancelDateTime || e.voided) return { shouldSend: false };
  return { shouldSend: true, scheduledDateTime: moment(e.earliestVisitDateTime).subtract(1,'day').hour(10).minute(0).second(0).millisecond(0).toISOString() };
};$j$,
$j$({params, imports}) => { const e = params.entity; const i = e.programEnrolment.individual; return { parameters: [i.firstName, e.name, imports.moment(e.earliestVisitDateTime).format('DD MMM YYYY')] }; };$j$),
 (604,'95000000-0000-4000-8000-000000000604','Home visit done, tell subject',101,'Encounter',502,'Subject','7004',false,0,201,201,now(),now(),
$j$({params, imports}) => ({ scheduledDateTime: params.entity.encounterDateTime, shouldSend: !!params.entity.encounterDateTime });$j$,
$j$({params, imports}) => { const e = params.entity; const obs = e.getObservationReadableValue('Symptoms'); return { parameters: [e.individual.firstName, obs ? String(obs) : '-'] }; };$j$),
 (605,'95000000-0000-4000-8000-000000000605','Welcome new worker',101,'User',-1,'User','7005',false,0,201,201,now(),now(),
$j$({params, imports}) => ({ scheduledDateTime: new Date() });$j$,
$j$({params, imports}) => { const user = params.entity; return { parameters: [user.username] } };$j$),
 (606,'95000000-0000-4000-8000-000000000606','Old voided rule',101,'Subject',301,'Subject','7001',true,0,201,201,now(),now(),$j$({params}) => ({ scheduledDateTime: new Date() });$j$,$j$({params}) => ({ parameters: [] });$j$),
 (607,'95000000-0000-4000-8000-000000000607','Broken schedule rule',101,'Encounter',502,'User','7006',false,0,201,201,now(),now(),$j$({params, imports}) => { return { scheduledDateTime: params.entity.nothing.here }; };$j$,$j$({params}) => ({ parameters: ['x'] });$j$),
 (611,'95000000-0000-4000-8000-000000000611','GMP reminder',103,'ProgramEncounter',511,'Subject','8001',false,0,211,211,now(),now(),
$j$({params, imports}) => ({ scheduledDateTime: imports.moment(params.entity.earliestVisitDateTime).subtract(2,'days').toDate() });$j$,
$j$({params, imports}) => ({ parameters: [params.entity.programEnrolment.individual.firstName] });$j$),
 (612,'95000000-0000-4000-8000-000000000612','Beneficiary welcome to worker',103,'Subject',311,'User','8002',false,0,211,211,now(),now(),
$j$({params, imports}) => ({ scheduledDateTime: new Date(), shouldSend: true });$j$,
$j$({params, imports}) => ({ parameters: [params.entity.firstName] });$j$);

-- ---------- pre-existing receivers / queue / manual messages (as avni-server would have left them) ----------
insert into message_receiver(id,uuid,receiver_type,receiver_id,external_id,organisation_id,version,created_by_id,last_modified_by_id,created_date_time,last_modified_date_time) values
 (901,'96000000-0000-4000-8000-000000000901','Subject',1002,'5502',101,0,202,202,'2024-01-10T05:00:01Z','2024-01-11T05:00:01Z'),
 (902,'96000000-0000-4000-8000-000000000902','Group',null,'77',101,0,201,201,'2024-01-10T05:00:01Z','2024-01-10T05:00:01Z'),
 (903,'96000000-0000-4000-8000-000000000903','User',202,null,101,0,201,201,'2024-01-10T05:00:01Z','2024-01-10T05:00:01Z');
insert into manual_message(id,uuid,organisation_id,message_template_id,parameters,next_trigger_details,version,created_by_id,last_modified_by_id,created_date_time,last_modified_date_time) values
 (911,'96000000-0000-4000-8000-000000000911',101,'7009',array['@name','camp on Sunday'],null,0,201,201,now(),now()),
 (912,'96000000-0000-4000-8000-000000000912',101,'7009',array['@name','camp on Sunday'],'{"pageNo":1,"contactId":"640"}',0,201,201,now(),now()),
 (913,'96000000-0000-4000-8000-000000000913',101,'7010',array['static only'],null,0,201,201,now(),now());
insert into message_request_queue(id,uuid,organisation_id,message_rule_id,manual_message_id,message_receiver_id,entity_id,scheduled_date_time,delivered_date_time,delivery_status,version,created_by_id,last_modified_by_id,created_date_time,last_modified_date_time) values
 (921,'96000000-0000-4000-8000-000000000921',101,601,null,901,1002,'2024-01-11T04:00:00Z','2024-01-11T05:00:01Z','Sent',0,202,201,'2024-01-10T05:00:01Z','2024-01-11T05:00:01Z'),
 (922,'96000000-0000-4000-8000-000000000922',101,null,911,901,null,'2030-01-01T03:30:00Z',null,'NotSent',0,201,201,now(),now()),
 (923,'96000000-0000-4000-8000-000000000923',101,null,912,902,null,now() - interval '1 hour',null,'PartiallySent',0,201,201,now(),now()),
 (924,'96000000-0000-4000-8000-000000000924',101,null,913,902,null,now() - interval '1 hour',null,'NotSent',0,201,201,now(),now()),
 (925,'96000000-0000-4000-8000-000000000925',101,null,911,903,null,now() - interval '1 hour',null,'NotSent',0,201,201,now(),now());

-- ---------- move every sequence past the seeded ids ----------
do $$ declare r record; m bigint; begin
  for r in select c.relname t, pg_get_serial_sequence('public.'||quote_ident(c.relname),'id') s from pg_class c join pg_namespace n on n.oid=c.relnamespace
           where n.nspname='public' and c.relkind='r' and exists(select 1 from pg_attribute a where a.attrelid=c.oid and a.attname='id' and not a.attisdropped) loop
    if r.s is not null then
      execute format('select coalesce(max(id),0) from public.%I', r.t) into m;
      if m > 0 then perform setval(r.s, greatest(m, (select last_value from pg_sequences where schemaname||'.'||sequencename = replace(r.s,'"','') and last_value is not null union all select 0 order by 1 desc limit 1))); end if;
    end if;
  end loop; end $$;
