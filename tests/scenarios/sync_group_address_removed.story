# Whoever loses one address of a group takes the whole group through the skew time.
node a priority=150 garp_master_delay=0s boot=later
set a VI_2 virtual_router_id=52 priority=150 addresses=192.168.200.20 garp_master_delay=0s
group a VG_1 VI_1 VI_2
boot a
run 5s
----
     0 ms  a BACKUP
     0 ms  a VI_2 BACKUP
     0 ms  a VG_1 BACKUP
  3414 ms  a announces 192.168.200.16 x5
  3414 ms  a MASTER
  3414 ms  a announces 192.168.200.20 x5
  3414 ms  a VI_2 MASTER
  3414 ms  a VG_1 MASTER
lose a 192.168.200.20
run 3s
----
  5000 ms  a VI_2 BACKUP
  5000 ms  a BACKUP
  5000 ms  a VG_1 BACKUP
  5414 ms  a announces 192.168.200.16 x5
  5414 ms  a MASTER
  5414 ms  a announces 192.168.200.20 x5
  5414 ms  a VI_2 MASTER
  5414 ms  a VG_1 MASTER
stop a
----
  8000 ms  a STOP
  8000 ms  a VI_2 STOP
  8000 ms  a VG_1 STOP
