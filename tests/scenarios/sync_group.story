# Both instances of a group are master together, and a failing script of one moves both.
node a priority=150 garp_master_delay=0s boot=later
set a VI_2 virtual_router_id=52 priority=150 addresses=192.168.200.20 garp_master_delay=0s track=chk
script a chk interval=1s fall=1
group a VG_1 VI_1 VI_2
node b priority=100 garp_master_delay=0s boot=later
set b VI_2 virtual_router_id=52 priority=100 addresses=192.168.200.20 garp_master_delay=0s
group b VG_1 VI_1 VI_2
boot a
boot b
run 2s
----
     0 ms  b BACKUP
     0 ms  b VI_2 BACKUP
     0 ms  b VG_1 BACKUP
result a chk ok
run 6s
----
  2000 ms  a BACKUP
  2000 ms  a VI_2 BACKUP
  2000 ms  a VG_1 BACKUP
  3609 ms  b announces 192.168.200.16 x5
  3609 ms  b MASTER
  3609 ms  b announces 192.168.200.20 x5
  3609 ms  b VI_2 MASTER
  3609 ms  b VG_1 MASTER
  5414 ms  a announces 192.168.200.16 x5
  5414 ms  a MASTER
  5414 ms  a announces 192.168.200.20 x5
  5414 ms  a VI_2 MASTER
  5414 ms  a VG_1 MASTER
  5414 ms  b BACKUP
  5414 ms  b VI_2 BACKUP
  5414 ms  b VG_1 BACKUP
  5414 ms  a announces 192.168.200.16 x1
  5414 ms  a announces 192.168.200.20 x1
result a chk failed
run 5s
----
  8000 ms  a FAULT
  8000 ms  a VI_2 FAULT
  8000 ms  a VG_1 FAULT
  8609 ms  b announces 192.168.200.16 x5
  8609 ms  b MASTER
  8609 ms  b announces 192.168.200.20 x5
  8609 ms  b VI_2 MASTER
  8609 ms  b VG_1 MASTER
result a chk ok
run 5s
----
 13000 ms  a BACKUP
 13000 ms  a VI_2 BACKUP
 13000 ms  a VG_1 BACKUP
 16414 ms  a announces 192.168.200.16 x5
 16414 ms  a MASTER
 16414 ms  a announces 192.168.200.20 x5
 16414 ms  a VI_2 MASTER
 16414 ms  a VG_1 MASTER
 16414 ms  b BACKUP
 16414 ms  b VI_2 BACKUP
 16414 ms  b VG_1 BACKUP
 16414 ms  a announces 192.168.200.16 x1
 16414 ms  a announces 192.168.200.20 x1
