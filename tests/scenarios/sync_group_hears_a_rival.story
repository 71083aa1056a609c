# After a partition every member announces again, not only the one that heard the rival.
node a priority=150 garp_master_delay=0s boot=later
set a VI_2 virtual_router_id=52 priority=150 addresses=192.168.200.20 garp_master_delay=0s
group a VG_1 VI_1 VI_2
boot a
cut a
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
node b priority=100 garp_master_delay=0s higher_prio_send_advert=yes
run 5s
----
  5000 ms  b BACKUP
  8609 ms  b announces 192.168.200.16 x5
  8609 ms  b MASTER
heal a
run 2s
----
 10414 ms  b BACKUP
 10414 ms  a announces 192.168.200.16 x5
 10414 ms  a MASTER_RX_LOWER_PRI
 10414 ms  a announces 192.168.200.20 x5
