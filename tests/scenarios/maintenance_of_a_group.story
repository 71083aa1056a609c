# Maintenance of one member is maintenance of its sync group; version 3.
node a priority=150 version=3 advert_int=100ms garp_master_delay=0s boot=later
set a VI_2 virtual_router_id=52 priority=150 version=3 advert_int=100ms addresses=192.168.200.20 garp_master_delay=0s
group a VG_1 VI_1 VI_2
node b priority=100 version=3 advert_int=100ms garp_master_delay=0s boot=later
set b VI_2 virtual_router_id=52 priority=90 version=3 advert_int=100ms addresses=192.168.200.20 garp_master_delay=0s
group b VG_1 VI_1 VI_2
boot a
boot b
run 1s
----
     0 ms  a BACKUP
     0 ms  a VI_2 BACKUP
     0 ms  a VG_1 BACKUP
     0 ms  b BACKUP
     0 ms  b VI_2 BACKUP
     0 ms  b VG_1 BACKUP
   341 ms  a announces 192.168.200.16 x5
   341 ms  a MASTER
   341 ms  a announces 192.168.200.20 x5
   341 ms  a VI_2 MASTER
   341 ms  a VG_1 MASTER
maintain a VI_2
run 2s
----
  1064 ms  b announces 192.168.200.16 x5
  1064 ms  b MASTER
  1064 ms  b announces 192.168.200.20 x5
  1064 ms  b VI_2 MASTER
  1064 ms  b VG_1 MASTER
  1065 ms  a BACKUP
  1065 ms  a VI_2 BACKUP
  1065 ms  a VG_1 BACKUP
resume a VI_2
run 1s
----
  3306 ms  a announces 192.168.200.16 x5
  3306 ms  a MASTER
  3306 ms  a announces 192.168.200.20 x5
  3306 ms  a VI_2 MASTER
  3306 ms  a VG_1 MASTER
  3306 ms  b BACKUP
  3306 ms  b VI_2 BACKUP
  3306 ms  b VG_1 BACKUP
  3306 ms  a announces 192.168.200.16 x1
  3306 ms  a announces 192.168.200.20 x1
