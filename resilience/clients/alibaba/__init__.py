"""The adapters of Alibaba Cloud's two SDKs: the present one, built on tea-openapi, and the old one, aliyunsdkcore."""
